//! The views of what was used and what may be used.

use llmgw_pages::look::chart::{Bar, bars};
use llmgw_pages::look::{Frame, NoticeKind, Place, money};
use llmgw_pages::portal::{LimitRow, LimitsPage, ModelRow, ModelsPage, Period, Totals, UsagePage, UsageRow};

use super::samples::{inside, noticed, time};
use super::words::Words;

pub(crate) fn usage(words: &Words) -> UsagePage {
    let day = |day: u64| Bar {
        label: format!("{day} Nov"),
        values: [day * 37 % 23 * 9_400, day * 53 % 17 * 2_900],
    };
    let bars_: Vec<Bar> = (1..=30).map(day).collect();
    let names = [words.model.as_str(), "gemma-3-27b", "bge-m3"];
    UsagePage {
        frame: inside(words, Some(Place::Usage)),
        period: Period::Days30,
        total: totals(41),
        chart_svg: bars(&words.text, &bars_, ["Input", "Output"]),
        by_model: names
            .iter()
            .zip([31, 9, 1])
            .map(|(name, times)| row(name, times))
            .collect(),
        by_key: vec![row(&words.key, 40), row("Thesis scripts", 1)],
        currency: Some("EUR".to_owned()),
        late: false,
    }
}

pub(crate) fn usage_empty(words: &Words) -> UsagePage {
    let total = Totals {
        cost: money(0),
        ..Totals::default()
    };
    let chart_svg = bars("Tokens", &[], ["Input", "Output"]);
    UsagePage {
        total,
        chart_svg,
        by_model: Vec::new(),
        by_key: Vec::new(),
        period: Period::Today,
        ..usage(words)
    }
}

fn row(name: &str, times: u64) -> UsageRow {
    UsageRow {
        name: name.to_owned(),
        total: totals(times),
    }
}

fn totals(times: u64) -> Totals {
    Totals {
        requests: 91 * times,
        tokens_in: 102_345 * times,
        tokens_cached: 40_960 * times,
        tokens_out: 23_456 * times,
        cost: money(104_250_000 * times.cast_signed()),
    }
}

pub(crate) fn limits(words: &Words) -> LimitsPage {
    let limit = |whose: &str, unit: &str, window: &str, [used, amount, left]: [&str; 3], percent| LimitRow {
        whose: whose.to_owned(),
        unit: unit.to_owned(),
        window: window.to_owned(),
        amount: amount.to_owned(),
        used: used.to_owned(),
        left: left.to_owned(),
        percent,
        resets: (percent != 0).then(|| time(8)),
    };
    let rows = vec![
        limit("you", "requests", "per minute", ["0", "60", "60"], 0),
        limit(
            "you",
            "tokens",
            "per day",
            ["310,220", "1,000,000", "689,780"],
            31,
        ),
        limit(
            &words.key,
            "tokens",
            "per day",
            ["40,900,000", "50,000,000", "9,100,000"],
            81,
        ),
        limit("you", "EUR", "per month", ["20.0000125", "20.00", "0.00"], 255),
    ];
    let frame = noticed(inside(words, Some(Place::Limits)), NoticeKind::Info, &words.text);
    LimitsPage {
        frame,
        limits: rows,
        unknown: false,
    }
}

pub(crate) fn models(words: &Words) -> ModelsPage {
    let first = ModelRow {
        id: words.model.clone(),
        aliases: vec![words.key.clone(), "default".to_owned()],
        owner: words.institution.clone(),
        endpoints: vec!["chat".to_owned(), "completions".to_owned()],
        prompt: money(150_000_000),
        cached: money(37_500_000),
        completion: money(600_000_000),
        unit: Some(money(100_000_000_000)),
        free: false,
        context: Some(262_144),
    };
    let second = ModelRow {
        id: "gemma-3-27b".to_owned(),
        free: true,
        aliases: Vec::new(),
        ..first.clone()
    };
    let third = ModelRow {
        id: "bge-m3".to_owned(),
        endpoints: vec!["embeddings".to_owned()],
        context: None,
        ..second.clone()
    };
    let frame = inside(words, Some(Place::Models));
    let frame = Frame {
        degraded: true,
        ..frame
    };
    ModelsPage {
        frame,
        models: vec![first, second, third],
        currency: Some("EUR".to_owned()),
    }
}
