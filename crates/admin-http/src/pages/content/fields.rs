//! Between what stands in forms and what the services take.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::http::StatusCode;
use llmgw_pages::admin::{Filled, Frame};
use llmgw_pages::look::{Notice, NoticeKind, money, number};
use llmgw_types::{Limit, Revision, Timestamp, Unit, Window};
use serde::de::DeserializeOwned;

use super::super::{Fields, PageError};
use crate::admin::Admin;
use crate::problem::Problem;

const NANOS: i128 = 1_000_000_000;

/// Rows that a list has beyond those that are filled.
const FREE_ROWS: usize = 2;

/// What was typed, to be shown again. Secrets are not.
pub(super) fn typed(fields: &Fields) -> Filled {
    let mut form = Filled::default();
    let shown = |name: &str| name != "csrf" && !name.ends_with("_secret_text");
    for (name, value) in fields.each().filter(|(name, _)| shown(name)) {
        form.add(name, value);
    }
    form
}

/// Why a form is shown again, and with which status; any other failure is a page of its own.
pub(super) fn again(problem: Problem) -> Result<(StatusCode, String), PageError> {
    match problem.status() {
        StatusCode::BAD_REQUEST
        | StatusCode::CONFLICT
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::PRECONDITION_FAILED => Ok((problem.status(), problem.to_string())),
        _ => Err(problem.into()),
    }
}

/// The form again: with what is there now where somebody else was faster, or with what is wrong.
pub(super) fn shown_again(fields: &Fields, status: StatusCode, text: &str, now: &Filled) -> Filled {
    let form = typed(fields);
    if status == StatusCode::PRECONDITION_FAILED {
        form.overtaken(now)
    } else {
        form.refused(text)
    }
}

/// The frame with a word on what was done.
pub(super) fn told(frame: Frame, done: Option<&str>) -> Frame {
    let text = match done {
        Some("saved") => "Saved.",
        Some("added") => "Added. Gateways have it within a second.",
        Some("removed") => "Removed.",
        Some("revoked") => "Revoked. The key is refused from now on.",
        Some("suspended") => "Suspended, and signed out everywhere.",
        Some("resumed") => "They may act again.",
        Some("signed-out") => "Signed out everywhere.",
        Some("erased") => "Erased.",
        _ => return frame,
    };
    let notice = Notice {
        kind: NoticeKind::Good,
        text: text.to_owned(),
    };
    Frame {
        notice: Some(notice),
        ..frame
    }
}

/// A word of the domain.
pub(super) fn read<T: DeserializeOwned>(field: &str, text: &str) -> Result<T, Problem> {
    let value = serde_json::Value::from(text.trim());
    serde_json::from_value(value).map_err(|error| Problem::invalid(format!("{field}: {error}")))
}

/// Words with commas between.
pub(super) fn words<T: DeserializeOwned>(field: &str, text: &str) -> Result<Vec<T>, Problem> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| read(field, word)).collect()
}

/// How such a list is written.
pub(super) fn joined<T: Display>(words: &[T]) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// A text that may be left out.
pub(super) fn text(fields: &Fields, name: &str) -> Option<String> {
    let text = fields.one(name);
    (!text.is_empty()).then(|| text.to_owned())
}

/// A whole number that may be left out.
pub(super) fn count<T: FromStr>(fields: &Fields, name: &str) -> Result<Option<T>, Problem> {
    let digits = fields.one(name).replace(',', "");
    if digits.is_empty() {
        return Ok(None);
    }
    let read = digits.parse().map(Some);
    read.map_err(|_| Problem::invalid(format!("{name}: is no whole number in bounds")))
}

/// An amount of money, in billionths.
pub(super) fn nanos(field: &str, text: &str) -> Result<i64, Problem> {
    let wrong = || {
        Problem::invalid(format!(
            "{field}: is no amount; write 2.50, with nine decimals at most"
        ))
    };
    let text = text.replace(',', "");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() {
        return Ok(0);
    }
    if whole.is_empty() || whole.len() > 12 || rest.len() > 9 || !digits(whole) || !digits(rest) {
        return Err(wrong());
    }
    let whole: i128 = whole.parse().map_err(|_| wrong())?;
    let rest: i128 = format!("{rest:0<9}").parse().map_err(|_| wrong())?;
    i64::try_from(whole * NANOS + rest).map_err(|_| wrong())
}

/// The revision that a form was made from.
pub(super) fn seen(fields: &Fields) -> Result<Option<Revision>, Problem> {
    match fields.one("seen") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Problem::changed()),
    }
}

/// The limits of the list `prefix`.
pub(super) fn limits(fields: &Fields, prefix: &str) -> Result<Vec<Limit>, Problem> {
    let mut limits = Vec::new();
    for row in typed(fields).rows(prefix) {
        let field = format!("{prefix}_{row}_amount");
        let amount = fields.one(&field);
        if amount.is_empty() {
            continue;
        }
        let of = fields.one(&format!("{prefix}_{row}_of"));
        let amount = if of.starts_with("cost/") {
            nanos(&field, amount)?.to_string()
        } else {
            amount.replace(',', "")
        };
        let limit = format!("{of}={amount}").parse();
        limits.push(limit.map_err(|_| Problem::invalid(format!("{field}: is no whole number")))?);
    }
    Ok(limits)
}

/// Fills the list `prefix`.
pub(super) fn fill_limits(form: &mut Filled, prefix: &str, limits: &[Limit]) {
    form.add(&format!("{prefix}_rows"), limits.len() + FREE_ROWS);
    for (row, limit) in limits.iter().enumerate() {
        let of = match limit.window() {
            Window::None => limit.unit().as_str().to_owned(),
            window => format!("{}/{}", limit.unit().as_str(), window.as_str()),
        };
        form.add(&format!("{prefix}_{row}_of"), of);
        form.add(
            &format!("{prefix}_{row}_amount"),
            amount(limit.unit(), limit.amount()),
        );
    }
}

/// An amount of a unit as people read it.
pub(super) fn amount(unit: Unit, amount: u64) -> String {
    match unit {
        Unit::Cost => money(i64::try_from(amount).unwrap_or(i64::MAX)),
        _ => number(amount),
    }
}

/// What a limit counts, in words.
pub(super) fn counted(unit: Unit, window: Window) -> String {
    match (unit, window) {
        (Unit::InFlight, _) => "requests at the same time".to_owned(),
        (unit, window) => format!("{} per {}", unit.as_str(), window.as_str()),
    }
}

/// Limits in words.
pub(super) fn in_words(limits: &[Limit]) -> Vec<String> {
    let one = |limit: &Limit| {
        let what = counted(limit.unit(), limit.window());
        format!("{} {what}", amount(limit.unit(), limit.amount()))
    };
    limits.iter().map(one).collect()
}

/// The last moment of the day of a field, where one is given.
pub(super) fn end_of_day(admin: &Admin, fields: &Fields, name: &str) -> Result<Option<Timestamp>, Problem> {
    let day = day(admin, name, fields.one(name))?;
    Ok(day.map(|(_, end)| end))
}

/// The first moment of a day, and of the next.
pub(super) fn day(admin: &Admin, field: &str, date: &str) -> Result<Option<(Timestamp, Timestamp)>, Problem> {
    if date.is_empty() {
        return Ok(None);
    }
    let day = admin.calendar.day(date);
    let day =
        day.ok_or_else(|| Problem::invalid(format!("{field}: there is no such day; write 2026-11-26")))?;
    Ok(Some((day.start, day.end)))
}

/// The last day before a moment, as date fields have it.
pub(super) fn last_day(admin: &Admin, end: Timestamp) -> String {
    let before = end.minus(std::time::Duration::from_micros(1));
    admin.calendar.local(before, "%Y-%m-%d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_exactly() {
        let read = |text: &str| nanos("price", text).ok();
        assert_eq!(read("2.5"), Some(2_500_000_000));
        assert_eq!(read("1,234.000000001"), Some(1_234_000_000_001));
        assert_eq!(read(""), Some(0));
        for wrong in [
            "-1",
            ".5",
            "1.0000000001",
            "1e3",
            "9999999999999",
            "9999999999",
            "two",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
