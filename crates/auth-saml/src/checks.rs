//! Whether a genuine assertion is for us, now, and an answer to what we asked (SAML profiles 4.1.4.3). Each rule is one
//! line of a table, so that none is lost between the others.

use std::time::Duration;

use llmgw_types::Timestamp;

use crate::Refusal;
use crate::assertion::{Assertion, AuthnStatement, Conditions, Confirmation};
use crate::metadata::IdentityProvider;
use crate::provider::ServiceProvider;
use crate::request::LoginWishes;
use crate::response::Envelope;

/// How far the identity provider's clock may be from ours.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How old a message may be that was just made.
pub const LONGEST_WAY: Duration = Duration::from_secs(300);

/// How long an assertion may be good for: so long we remember that it was used.
pub const LONGEST_VALIDITY: Duration = Duration::from_hours(24);

/// What an answer is held against.
pub(crate) struct Expected<'a> {
    pub(crate) we: &'a ServiceProvider,
    pub(crate) idp: &'a IdentityProvider,
    pub(crate) request_id: &'a str,
    pub(crate) requested_at: Timestamp,
    pub(crate) wishes: &'a LoginWishes,
    pub(crate) now: Timestamp,
}

/// What holds of an assertion that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed {
    /// It must not be taken again before this.
    pub(crate) remember_until: Timestamp,
    /// When the identity provider ends the login.
    pub(crate) session_ends: Option<Timestamp>,
    pub(crate) session_index: Option<String>,
}

type Rule = (bool, &'static str);

pub(crate) fn check(
    envelope: &Envelope,
    assertion: &Assertion,
    expected: &Expected<'_>,
) -> Result<Passed, Refusal> {
    rules(&of_envelope(envelope, expected))?;
    rules(&[
        (
            assertion.issuer == expected.idp.entity_id,
            "the assertion's issuer",
        ),
        (
            is_recent(assertion.issued, expected.now),
            "the assertion's time of issue",
        ),
        (!assertion.name_id.value.is_empty(), "the name ID is empty"),
    ])?;
    let conditions = assertion
        .conditions
        .as_ref()
        .ok_or(Refusal::Check("the assertion has no conditions"))?;
    rules(&of_conditions(conditions, expected))?;
    let confirmed_until = confirmed(&assertion.confirmations, expected)?;
    let login = logged_in(&assertion.statements, expected)?;
    let good_until = conditions
        .not_on_or_after
        .map_or(confirmed_until, |end| end.max(confirmed_until));
    Ok(Passed {
        remember_until: good_until.plus(CLOCK_SKEW),
        session_ends: login.session_ends,
        session_index: login.session_index.clone(),
    })
}

fn rules(rules: &[Rule]) -> Result<(), Refusal> {
    rules
        .iter()
        .find(|(holds, _)| !holds)
        .map_or(Ok(()), |(_, name)| Err(Refusal::Check(name)))
}

fn of_envelope(envelope: &Envelope, expected: &Expected<'_>) -> [Rule; 4] {
    let issuer = envelope.issuer.as_deref();
    [
        (
            envelope.destination.as_deref() == Some(&expected.we.acs_url),
            "the response's destination",
        ),
        (
            envelope.in_response_to.as_deref() == Some(expected.request_id),
            "the response answers another request",
        ),
        (
            issuer.is_none_or(|issuer| issuer == expected.idp.entity_id),
            "the response's issuer",
        ),
        (
            is_recent(envelope.issued, expected.now),
            "the response's time of issue",
        ),
    ]
}

fn of_conditions(conditions: &Conditions, expected: &Expected<'_>) -> [Rule; 5] {
    let for_us = |audiences: &Vec<String>| audiences.contains(&expected.we.entity_id);
    [
        (!conditions.unknown, "a condition of an unknown kind"),
        (
            has_begun(conditions.not_before, expected.now),
            "the conditions' begin",
        ),
        (
            conditions
                .not_on_or_after
                .is_none_or(|end| is_before(expected.now, end)),
            "the conditions' end",
        ),
        (!conditions.audiences.is_empty(), "no audience"),
        // Several restrictions: we must be in each (SAML core 2.5.1.4).
        (conditions.audiences.iter().all(for_us), "another audience"),
    ]
}

// One confirmation that holds is enough (SAML core 2.4); the end of the latest such is returned.
fn confirmed(confirmations: &[Confirmation], expected: &Expected<'_>) -> Result<Timestamp, Refusal> {
    let mut failed = Refusal::Check("no bearer confirmation");
    let mut until = None;
    for confirmation in confirmations {
        match rules(&of_confirmation(confirmation, expected)) {
            Ok(()) => until = until.max(confirmation.not_on_or_after),
            Err(refusal) => failed = refusal,
        }
    }
    until.ok_or(failed)
}

fn of_confirmation(confirmation: &Confirmation, expected: &Expected<'_>) -> [Rule; 5] {
    let end = confirmation.not_on_or_after;
    [
        (
            confirmation.recipient.as_deref() == Some(&expected.we.acs_url),
            "the confirmation's recipient",
        ),
        (
            confirmation.in_response_to.as_deref() == Some(expected.request_id),
            "the confirmation answers another request",
        ),
        (
            end.is_some_and(|end| is_before(expected.now, end)),
            "the confirmation's end",
        ),
        (
            end.is_some_and(|end| end <= expected.now.plus(LONGEST_VALIDITY)),
            "the confirmation holds too long",
        ),
        // A bearer's must not have one (SAML profiles 4.1.4.2).
        (confirmation.not_before.is_none(), "the confirmation has a begin"),
    ]
}

fn logged_in<'a>(
    statements: &'a [AuthnStatement],
    expected: &Expected<'_>,
) -> Result<&'a AuthnStatement, Refusal> {
    let mut failed = Refusal::Check("no authentication statement");
    for statement in statements {
        match rules(&of_statement(statement, expected)) {
            Ok(()) => return Ok(statement),
            Err(refusal) => failed = refusal,
        }
    }
    Err(failed)
}

fn of_statement(statement: &AuthnStatement, expected: &Expected<'_>) -> [Rule; 4] {
    let wishes = expected.wishes;
    let context = statement.context.as_ref();
    [
        (
            statement.instant <= expected.now.plus(CLOCK_SKEW),
            "the login lies in the future",
        ),
        (
            !wishes.force_authn || statement.instant >= expected.requested_at.minus(CLOCK_SKEW),
            "an old login where a fresh one was asked for",
        ),
        (
            wishes.contexts.is_empty() || context.is_some_and(|context| wishes.contexts.contains(context)),
            "another way to log in than asked for",
        ),
        (
            statement
                .session_ends
                .is_none_or(|end| is_before(expected.now, end)),
            "the identity provider's session is over",
        ),
    ]
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    at <= now.plus(CLOCK_SKEW) && at >= now.minus(LONGEST_WAY)
}

fn has_begun(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_none_or(|at| at <= now.plus(CLOCK_SKEW))
}

fn is_before(now: Timestamp, end: Timestamp) -> bool {
    now < end.plus(CLOCK_SKEW)
}
