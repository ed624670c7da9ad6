//! The views of limits, of what was used, and of the audit log.

use llmgw_pages::Template;
use llmgw_pages::admin::{
    AuditPage, Checked, EntryLine, GroupLine, GroupPage, LimitsPage, OverviewPage, Place, ReportsPage,
    SumLine, TargetLine,
};
use llmgw_pages::look::chart::{Bar, bars};

use super::administration::{form, when};
use super::doors::signed_in;
use super::samples::Pages;
use super::words::Words;

/// All of them.
pub(crate) fn all(words: &Words) -> llmgw_pages::Result<Pages> {
    Ok(vec![
        ("admin-overview", overview(words, true).render()?),
        ("admin-overview-auditor", overview(words, false).render()?),
        ("admin-limits", limits(words, true).render()?),
        ("admin-limits-auditor", limits(words, false).render()?),
        ("admin-group", group(words).render()?),
        ("admin-reports", reports(words, 4, false).render()?),
        ("admin-reports-empty", reports(words, 0, false).render()?),
        ("admin-chargeback", reports(words, 3, true).render()?),
        ("admin-audit", audit(words, 3, None).render()?),
        ("admin-audit-empty", audit(words, 0, None).render()?),
        ("admin-audit-well", audit(words, 1, Some(Vec::new())).render()?),
        (
            "admin-audit-ill",
            audit(words, 1, Some(vec![words.text.clone()])).render()?,
        ),
    ])
}

fn svg(title: &str) -> String {
    let drawn: Vec<Bar> = (1..=24)
        .map(|hour| Bar {
            label: format!("{hour}:00"),
            values: [hour * 900, hour * 400],
        })
        .collect();
    bars(title, &drawn, ["Tokens in", "Tokens out"])
}

fn sum(of: Vec<String>) -> SumLine {
    SumLine {
        of,
        requests: 12_345,
        tokens_in: 6_543_210,
        tokens_cached: 1_000_000,
        tokens_out: 987_654,
        cost: "12.3456".to_owned(),
    }
}

fn overview(words: &Words, may_change: bool) -> OverviewPage {
    let target = |works: bool| TargetLine {
        name: format!("{}, gpu-1", words.model),
        requests: 812,
        failed: u64::from(!works),
        last: when(-1),
        works,
    };
    OverviewPage {
        frame: signed_in(words, Some(Place::Overview), may_change),
        day: sum(Vec::new()),
        month: sum(Vec::new()),
        failed: (1_000, 7),
        hours_svg: svg("Tokens by hour"),
        days_svg: svg("Tokens by day"),
        targets: if may_change {
            vec![target(true), target(false)]
        } else {
            Vec::new()
        },
        currency: "EUR".to_owned(),
        has_models: may_change,
    }
}

fn limits(words: &Words, may_change: bool) -> LimitsPage {
    let line = |set: bool| GroupLine {
        group: words.key.clone(),
        href: "/group?group=staff".to_owned(),
        each: vec!["100 requests per day".to_owned()],
        shared: vec!["2.50 cost per month".to_owned()],
        set,
    };
    LimitsPage {
        frame: signed_in(words, Some(Place::Limits), may_change),
        form: form(&[
            ("everyone_from", "set"),
            ("everyone_rows", "2"),
            ("each_user_rows", "3"),
        ]),
        groups: if may_change {
            vec![line(true), line(false)]
        } else {
            Vec::new()
        },
    }
}

fn group(words: &Words) -> GroupPage {
    GroupPage {
        frame: signed_in(words, Some(Place::Limits), true),
        group: words.key.clone(),
        form: form(&[
            ("each_rows", "2"),
            ("shared_rows", "2"),
            ("each_0_amount", &words.key),
        ])
        .refused("each_0_amount: is no whole number"),
        unset: Some("/unset-group?group=staff".to_owned()),
    }
}

fn reports(words: &Words, count: usize, chargeback: bool) -> ReportsPage {
    ReportsPage {
        frame: signed_in(words, Some(Place::Reports), false),
        form: form(&[
            ("from", "2026-11-01"),
            ("by", "model"),
            ("bucket", "day"),
            ("month", "2026-11"),
        ]),
        columns: vec!["Day".to_owned(), "Model".to_owned()],
        rows: (0..count)
            .map(|day| sum(vec![format!("2026-11-0{}", day + 1), words.model.clone()]))
            .collect(),
        more: count,
        total: sum(Vec::new()),
        currency: "EUR".to_owned(),
        csv: "/api/v1/usage.csv?by=model&bucket=day".to_owned(),
        chart_svg: (!chargeback).then(|| svg("Tokens over time")),
        chargeback,
    }
}

fn audit(words: &Words, count: usize, faults: Option<Vec<String>>) -> AuditPage {
    let entry = |stage: &&str| EntryLine {
        at: when(-5),
        actor: words.person.clone(),
        origin: Some("10.0.0.1".to_owned()),
        action: "model.replace".to_owned(),
        subject: format!("model:{}", words.model),
        stage: (*stage).to_owned(),
        before: Some("{\n  \"state\": \"active\"\n}".to_owned()),
        after: Some(words.text.clone()),
        error: (*stage == "failed").then(|| words.text.clone()),
        number: "17".to_owned(),
        hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
    };
    AuditPage {
        frame: signed_in(words, Some(Place::Audit), false),
        filter: form(&[("actor", &words.person)]),
        filtered: count > 1,
        entries: ["done", "failed", "intended"]
            .iter()
            .take(count)
            .map(entry)
            .collect(),
        next: (count > 1).then(|| "/audit?after=x".to_owned()),
        first: None,
        checked: faults.map(|faults| Checked {
            chains: 3,
            entries: 1_234,
            unfinished: 1,
            faults,
        }),
    }
}
