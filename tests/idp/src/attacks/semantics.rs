//! Genuine, and not for us, not now, not an answer to what was asked, or of nobody who may come in.

use std::time::Duration;

use super::{Case, Cases};
use crate::forge::{Parts, attribute, authn, confirmation};

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn cases(parts: &Parts) -> Vec<Case> {
    let mut cases = Cases::new("semantics");
    of_the_response(&mut cases, parts);
    of_the_assertion(&mut cases, parts);
    of_conditions(&mut cases, parts);
    of_the_subject(&mut cases, parts);
    of_the_login(&mut cases, parts);
    of_the_account(&mut cases, parts);
    cases.all
}

fn of_the_response(cases: &mut Cases, parts: &Parts) {
    let mut with = |name, change: &dyn Fn(&mut Parts)| cases.with(name, parts, change);
    with("another destination", &|parts| {
        parts.destination = parts.destination.replace("/acs", "/acs2");
    });
    with("no destination", &|parts| parts.destination.clear());
    with("answer to another request", &|parts| {
        parts.request_id = " InResponseTo=\"_other\"".into();
    });
    with("answer to nothing", &|parts| parts.request_id.clear());
    with("another response issuer", &|parts| {
        parts.response_issuer = "<saml:Issuer>urn:evil</saml:Issuer>".into();
    });
    with("response of yesterday", &|parts| {
        parts.issued = parts.issued.minus(MINUTE * 6);
    });
    with("response of tomorrow", &|parts| {
        parts.issued = parts.issued.plus(MINUTE * 2);
    });
    with("response of SAML 1.1", &|parts| parts.version = "1.1".into());
    with("failed status", &|parts| {
        parts.status = parts.status.replace("status:Success", "status:Requester");
    });
    with("success inside of a failure", &|parts| {
        parts.status = format!(
            "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\">{}</samlp:StatusCode>",
            parts.status
        );
    });
    with("no status code", &|parts| parts.status.clear());
}

fn of_the_assertion(cases: &mut Cases, parts: &Parts) {
    let mut with = |name, change: &dyn Fn(&mut Parts)| cases.with(name, parts, change);
    with("another issuer", &|parts| {
        parts.assertion_issuer = "<saml:Issuer>urn:evil</saml:Issuer>".into();
    });
    with("issuer with a tail", &|parts| {
        parts.assertion_issuer = parts.assertion_issuer.replace("</", ".evil</");
    });
    with("assertion of yesterday", &|parts| {
        parts.assertion_issued = parts.assertion_issued.minus(MINUTE * 6);
    });
    with("assertion of tomorrow", &|parts| {
        parts.assertion_issued = parts.assertion_issued.plus(MINUTE * 2);
    });
    with("assertion of SAML 1.1", &|parts| {
        parts.assertion_version = "1.1".into();
    });
}

fn of_conditions(cases: &mut Cases, parts: &Parts) {
    let now = parts.issued;
    let mut with = |name, conditions: &dyn Fn(&str) -> String| {
        cases.with(name, parts, |parts| {
            parts.conditions = conditions(&parts.conditions);
        });
    };
    let soon = now.plus(MINUTE * 5).to_string();
    let before = now.minus(MINUTE / 2).to_string();
    with("no conditions", &|_| String::new());
    with("conditions twice", &|conditions| conditions.repeat(2));
    with("over", &|conditions| {
        conditions.replace(&soon, &now.minus(MINUTE * 2).to_string())
    });
    with("not yet", &|conditions| {
        conditions.replace(&before, &now.plus(MINUTE * 2).to_string())
    });
    with("a time without a zone", &|conditions| {
        conditions.replace(&soon, "2099-01-01T00:00:00")
    });
    with("no audience", &|conditions| {
        let start = conditions.find("<saml:AudienceRestriction>").unwrap_or(0);
        format!(
            "{}</saml:Conditions>",
            conditions.get(..start).unwrap_or_default()
        )
    });
    with("another audience", &|conditions| {
        conditions.replace("<saml:Audience>", "<saml:Audience>x")
    });
    with("empty restriction", &|conditions| {
        conditions.replace(
            "</saml:Conditions>",
            "<saml:AudienceRestriction/></saml:Conditions>",
        )
    });
    with("one of two restrictions", &|conditions| {
        conditions.replace("</saml:Conditions>", "<saml:AudienceRestriction><saml:Audience>urn:other</saml:Audience></saml:AudienceRestriction></saml:Conditions>")
    });
    with("unknown condition", &|conditions| {
        conditions.replace("</saml:Conditions>", "<saml:Condition/></saml:Conditions>")
    });
}

fn of_the_subject(cases: &mut Cases, parts: &Parts) {
    let mut with = |name, change: &dyn Fn(&mut Parts)| cases.with(name, parts, change);
    let now = parts.issued;
    let soon = now.plus(MINUTE * 5).to_string();
    with("no name", &|parts| parts.name_id.clear());
    with("empty name", &|parts| parts.name_id = "<saml:NameID/>".into());
    with("two names", &|parts| parts.name_id = parts.name_id.repeat(2));
    with("no confirmation", &|parts| parts.confirmation.clear());
    with("holder of key", &|parts| {
        parts.confirmation = parts.confirmation.replace("cm:bearer", "cm:holder-of-key");
    });
    with("another recipient", &|parts| {
        parts.confirmation = parts.confirmation.replace("/acs\"", "/acs2\"");
    });
    with("no recipient", &|parts| {
        parts.confirmation = parts.confirmation.replace(" Recipient=", " Address=");
    });
    with("confirmation of another request", &|parts| {
        parts.confirmation = parts.confirmation.replace("InResponseTo=\"", "InResponseTo=\"x");
    });
    with("confirmation of no request", &|parts| {
        parts.confirmation = parts.confirmation.replace("InResponseTo=", "Address=");
    });
    with("confirmation is over", &|parts| {
        parts.confirmation = parts
            .confirmation
            .replace(&soon, &now.minus(MINUTE * 2).to_string());
    });
    with("confirmation without an end", &|parts| {
        parts.confirmation = parts.confirmation.replace(" NotOnOrAfter=", " Address=");
    });
    with("confirmation for a year", &|parts| {
        parts.confirmation = parts
            .confirmation
            .replace(&soon, &now.plus(Duration::from_hours(24 * 365)).to_string());
    });
    with("confirmation with a begin", &|parts| {
        parts.confirmation = parts
            .confirmation
            .replace(" NotOnOrAfter=", &format!(" NotBefore=\"{now}\" NotOnOrAfter="));
    });
    with("confirmation without data", &|parts| {
        parts.confirmation =
            "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"/>".into();
    });
    with("two confirmations, neither right", &|parts| {
        parts.confirmation = confirmation(" Recipient=\"x\"").repeat(2);
    });
}

fn of_the_login(cases: &mut Cases, parts: &Parts) {
    let now = parts.issued;
    let mut with =
        |name, attributes: String| cases.with(name, parts, |parts| parts.authn = authn(&attributes));
    with(
        "login in the future",
        format!(" AuthnInstant=\"{}\"", now.plus(MINUTE * 2)),
    );
    with("login without a time", String::new());
    with(
        "login is over",
        format!(
            " AuthnInstant=\"{now}\" SessionNotOnOrAfter=\"{}\"",
            now.minus(MINUTE * 2)
        ),
    );
    cases.with("no login", parts, |parts| parts.authn.clear());
}

fn of_the_account(cases: &mut Cases, parts: &Parts) {
    let mut with = |name, change: &dyn Fn(&str) -> String| {
        cases.with(name, parts, |parts| parts.attributes = change(&parts.attributes));
    };
    let account = "urn:oid:1.3.6.1.4.1.5923.1.1.1.6";
    with("no account", &|attributes| {
        attributes.replace(account, "urn:other")
    });
    with("account by its friendly name only", &|attributes| {
        attributes.replace(account, "eduPersonPrincipalName")
    });
    with("empty account", &|attributes| {
        attributes.replacen("alice@uni.example", " ", 1)
    });
    with("two accounts", &|attributes| {
        format!("{attributes}{}", attribute(account, "x", &["admin@uni.example"]))
    });
    with("account of a foreign scope", &|attributes| {
        attributes.replacen("alice@uni.example", "alice@evil.example", 1)
    });
    with("account without a scope", &|attributes| {
        attributes.replacen("alice@uni.example", "alice", 1)
    });
    with("not allowed", &|attributes| {
        attributes.replace(">staff<", ">student<")
    });
    with("allowed by a longer value", &|attributes| {
        attributes.replace(">staff<", ">staff2<")
    });
    with("allowed by another case", &|attributes| {
        attributes.replace(">staff<", ">STAFF<")
    });
    with("allowed by a friendly name only", &|attributes| {
        attributes.replace("Name=\"urn:oid:1.3.6.1.4.1.5923.1.1.1.1\"", "Name=\"urn:other\"")
    });
    with("no attributes", &|_| String::new());
    with("three thousand values", &|attributes| {
        format!("{attributes}{}", attribute("urn:x", "x", &["x"; 3_000]))
    });
}
