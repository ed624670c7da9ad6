//! The pages of use, limits and models.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use llmgw_keys::ApiKey;
use llmgw_models::Model;
use llmgw_pages::look::chart::{Bar, bars};
use llmgw_pages::look::{Place, money, number};
use llmgw_pages::portal::{
    LimitRow, LimitsPage, ModelRow, ModelsPage, Period as Shown, Totals, UsagePage, UsageRow,
};
use llmgw_types::{Timestamp, Unit, Window};
use llmgw_usage::admission::{RuleState, Subject};
use llmgw_usage::ledger::ReportTotal;

use super::{frame, page, time};
use crate::errors::PageError;
use crate::facts::{Period, Used};
use crate::portal::Portal;
use crate::session::Person;

const HOUR: std::time::Duration = std::time::Duration::from_hours(1);

/// What somebody used.
pub(crate) fn usage(
    portal: &Portal,
    person: &Person,
    period: Period,
    used: &Used,
) -> Result<HttpResponse, PageError> {
    let shown = UsagePage {
        frame: frame(portal, Some(person), Some(Place::Usage)),
        period: match period {
            Period::Today => Shown::Today,
            Period::Week => Shown::Week,
            Period::Days30 => Shown::Days30,
            Period::Month => Shown::Month,
        },
        total: totals(&used.total),
        chart_svg: bars(
            "Tokens over time",
            &chart(portal, period, used),
            ["Tokens in", "Tokens out"],
        ),
        by_model: rows(&used.by_model),
        by_key: rows(&used.by_key),
        currency: Some(portal.site.currency.clone()),
        late: false,
    };
    page(StatusCode::OK, &shown)
}

fn totals(total: &ReportTotal) -> Totals {
    Totals {
        requests: total.requests,
        tokens_in: total.tokens.prompt,
        tokens_cached: total.tokens.cached,
        tokens_out: total.tokens.completion,
        cost: money(total.cost.nanos()),
    }
}

fn rows(sums: &[(String, ReportTotal)]) -> Vec<UsageRow> {
    sums.iter()
        .map(|(name, total)| UsageRow {
            name: name.clone(),
            total: totals(total),
        })
        .collect()
}

// A bar for each hour or day, those without use as well.
fn chart(portal: &Portal, period: Period, used: &Used) -> Vec<Bar> {
    let mut at = period.from(portal);
    let now = portal.clock.now();
    let mut bars = Vec::new();
    while at <= now {
        let next = match period {
            Period::Today => at.plus(HOUR),
            _ => portal
                .calendar
                .span(Window::Day, at)
                .map_or(now.plus(HOUR), |day| day.end),
        };
        let within = used
            .over_time
            .iter()
            .filter(|(time, _)| (at..next).contains(time));
        let mut total = ReportTotal::default();
        within.for_each(|(_, one)| total.merge(one));
        bars.push(Bar {
            label: label(portal, period, at),
            values: [total.tokens.prompt, total.tokens.completion],
        });
        at = next;
    }
    bars
}

fn label(portal: &Portal, period: Period, at: Timestamp) -> String {
    let at = at.to_jiff().to_zoned_datetime(portal.timezone.clone());
    let form = match period {
        Period::Today => "%H:%M",
        _ => "%-d %b",
    };
    at.strftime(form).to_string()
}

/// How far limits are used up; `None` where that is not known now.
pub(crate) fn limits(
    portal: &Portal,
    person: &Person,
    keys: &[ApiKey],
    states: Option<&[RuleState]>,
) -> Result<HttpResponse, PageError> {
    let rows = states.unwrap_or_default().iter().map(|state| limit(state, keys));
    let shown = LimitsPage {
        frame: frame(portal, Some(person), Some(Place::Limits)),
        limits: rows.collect(),
        unknown: states.is_none(),
    };
    page(StatusCode::OK, &shown)
}

fn limit(state: &RuleState, keys: &[ApiKey]) -> LimitRow {
    let limit = &state.rule.limit;
    let taken = state.used.saturating_add(state.reserved);
    let amount = limit.amount();
    let shown = |count: u64| match limit.unit() {
        Unit::Cost => money(i64::try_from(count).unwrap_or(i64::MAX)),
        _ => number(count),
    };
    LimitRow {
        whose: whose(&state.rule.subject, keys),
        unit: match limit.unit() {
            Unit::Requests => "requests",
            Unit::Tokens => "tokens",
            Unit::Cost => "cost",
            Unit::InFlight => "requests at a time",
        }
        .to_owned(),
        window: match limit.window() {
            Window::Minute => "per minute",
            Window::Hour => "per hour",
            Window::Day => "per day",
            Window::Month => "per month",
            Window::None => "",
        }
        .to_owned(),
        amount: shown(amount),
        used: shown(taken),
        left: shown(state.remaining()),
        percent: percent(taken, amount),
        resets: state.resets_at.map(time),
    }
}

fn percent(taken: u64, amount: u64) -> u8 {
    let percent = u128::from(taken) * 100 / u128::from(amount.max(1));
    u8::try_from(percent.min(100)).unwrap_or(100)
}

fn whose(subject: &Subject, keys: &[ApiKey]) -> String {
    match subject {
        Subject::User(_) => "you".to_owned(),
        Subject::Key(id) => match keys.iter().find(|key| key.id == *id) {
            Some(key) => format!("your key {}", key.name),
            None => "one of your keys".to_owned(),
        },
        Subject::Group(group) => format!("your group {group}"),
        Subject::Model(model) => format!("model {model}"),
        Subject::Everyone => "everyone".to_owned(),
    }
}

/// The models somebody may use.
pub(crate) fn models(portal: &Portal, person: &Person, models: &[Model]) -> Result<HttpResponse, PageError> {
    let rows = models.iter().map(|model| {
        let price = &model.price;
        ModelRow {
            id: model.id.to_string(),
            aliases: model.aliases.iter().map(ToString::to_string).collect(),
            owner: model.owned_by.clone(),
            endpoints: model
                .endpoints
                .iter()
                .map(|endpoint| endpoint.as_str().to_owned())
                .collect(),
            prompt: money(price.prompt.nanos()),
            cached: money(price.cached_prompt.nanos()),
            completion: money(price.completion.nanos()),
            unit: (price.unit != llmgw_types::Money::ZERO).then(|| money(price.unit.nanos())),
            free: *price == llmgw_types::Price::default(),
            context: model.context.map(u64::from),
        }
    });
    let shown = ModelsPage {
        frame: frame(portal, Some(person), Some(Place::Models)),
        models: rows.collect(),
        currency: Some(portal.site.currency.clone()),
    };
    page(StatusCode::OK, &shown)
}
