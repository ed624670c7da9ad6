//! The edges of every check, a microsecond to each side, and what settings ask for.

use std::time::Duration;

use llmgw_auth_saml::{GroupRule, IdentityProvider, LoginWishes, Refusal, Rule};
use llmgw_idp::{Parts, Signs, form, keys, sign, signature};
use llmgw_types::{Role, Timestamp};

use crate::world::{IDP, World};

const TICK: Duration = Duration::from_micros(1);
const SKEW: Duration = Duration::from_mins(1);
const WAY: Duration = Duration::from_mins(5);
const DAY: Duration = Duration::from_hours(24);

fn taken(world: &World, change: impl FnOnce(&mut Parts)) -> bool {
    let mut parts = world.parts();
    change(&mut parts);
    world.finish(&form(&parts.xml())).is_ok()
}

#[test]
fn clocks_may_differ_by_a_minute_and_no_more() {
    let world = World::new();
    let now = world.now;
    let soon = now.plus(WAY).to_string();
    let before = now.minus(SKEW / 2).to_string();
    let ends = |part: &str, at: Timestamp| part.replace(&soon, &at.to_string());
    let begins = |part: &str, at: Timestamp| part.replace(&before, &at.to_string());
    type Change<'a> = &'a dyn Fn(&mut Parts, Timestamp);
    let table: [(&str, Timestamp, Timestamp, Change<'_>); 9] = [
        (
            "response ahead",
            now.plus(SKEW),
            now.plus(SKEW + TICK),
            &|parts, at| parts.issued = at,
        ),
        (
            "response old",
            now.minus(WAY),
            now.minus(WAY + TICK),
            &|parts, at| parts.issued = at,
        ),
        (
            "assertion ahead",
            now.plus(SKEW),
            now.plus(SKEW + TICK),
            &|parts, at| parts.assertion_issued = at,
        ),
        (
            "assertion old",
            now.minus(WAY),
            now.minus(WAY + TICK),
            &|parts, at| parts.assertion_issued = at,
        ),
        (
            "conditions end",
            now.minus(SKEW - TICK),
            now.minus(SKEW),
            &|parts, at| {
                parts.conditions = ends(&parts.conditions, at);
            },
        ),
        (
            "conditions begin",
            now.plus(SKEW),
            now.plus(SKEW + TICK),
            &|parts, at| {
                parts.conditions = begins(&parts.conditions, at);
            },
        ),
        (
            "confirmation ends",
            now.minus(SKEW - TICK),
            now.minus(SKEW),
            &|parts, at| {
                parts.confirmation = ends(&parts.confirmation, at);
            },
        ),
        (
            "confirmation holds long",
            now.plus(DAY),
            now.plus(DAY + TICK),
            &|parts, at| {
                parts.confirmation = ends(&parts.confirmation, at);
            },
        ),
        (
            "login ahead",
            now.plus(SKEW),
            now.plus(SKEW + TICK),
            &|parts, at| {
                parts.authn = begins(&parts.authn, at);
            },
        ),
    ];
    for (name, last, first, change) in table {
        assert!(
            taken(&world, |parts| change(parts, last)),
            "{name}: refused at its edge"
        );
        assert!(
            !taken(&world, |parts| change(parts, first)),
            "{name}: taken past its edge"
        );
    }
}

#[test]
fn the_session_ends_with_the_identity_providers_and_the_assertion_is_remembered() {
    let world = World::new();
    let mut parts = world.parts();
    let ends = world.now.plus(Duration::from_hours(2));
    parts.authn = parts.authn.replacen(
        "<saml:AuthnStatement",
        &format!("<saml:AuthnStatement SessionNotOnOrAfter=\"{ends}\""),
        1,
    );
    parts.conditions = parts.conditions.replace(
        &world.now.plus(WAY).to_string(),
        &world.now.plus(WAY * 2).to_string(),
    );
    let person = world.finish(&form(&parts.xml())).unwrap();
    assert_eq!(person.session_ends, Some(ends));
    // The later of both ends, and the skew.
    assert_eq!(person.remember_until, world.now.plus(WAY * 2 + SKEW));
    assert_eq!(person.assertion_id, format!("{IDP} {}", parts.assertion_id));
    assert_eq!(person.name_id.value, "_n1");
}

#[test]
fn a_fresh_login_and_its_way_are_asked_for_and_checked() {
    let mut world = World::new();
    let before = world.now.minus(SKEW / 2).to_string();
    let at = |parts: &mut Parts, at: Timestamp| parts.authn = parts.authn.replace(&before, &at.to_string());
    let old = world.now.minus(SKEW + TICK);
    assert!(taken(&world, |parts| at(parts, old)));
    world.policy.wishes.force_authn = true;
    assert!(!taken(&world, |parts| at(parts, old)));
    assert!(taken(&world, |parts| at(parts, world.now.minus(SKEW))));
    let way = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
    world.policy.wishes = LoginWishes {
        force_authn: false,
        contexts: vec!["urn:strong".into()],
    };
    assert!(!taken(&world, |_| {}));
    assert!(!taken(&world, |parts| parts.authn =
        parts.authn.replace("AuthnContextClassRef", "AuthnContextDeclRef")));
    world.policy.wishes.contexts.push(way.into());
    assert!(taken(&world, |_| {}));
    // One of several statements is enough.
    assert!(taken(&world, |parts| {
        let other = parts.authn.replace(way, "urn:weak");
        parts.authn = format!("{other}{}", parts.authn);
    }));
}

#[test]
fn several_audiences_and_confirmations() {
    let world = World::new();
    let inside = |more: &str| {
        let more = more.to_owned();
        move |parts: &mut Parts| {
            parts.conditions = parts
                .conditions
                .replace("</saml:Conditions>", &format!("{more}</saml:Conditions>"));
        }
    };
    let both = "<saml:AudienceRestriction><saml:Audience>urn:x</saml:Audience>\
                <saml:Audience>https://llm.example/sp</saml:Audience></saml:AudienceRestriction>";
    assert!(taken(&world, inside(both)));
    assert!(taken(
        &world,
        inside("<saml:OneTimeUse/><saml:ProxyRestriction Count=\"0\"/>")
    ));
    assert!(taken(&world, |parts| {
        parts.confirmation = format!(
            "{}{}",
            parts.confirmation.replace("/acs", "/x"),
            parts.confirmation
        );
    }));
}

#[test]
fn rules_give_roles_and_groups() {
    let mut world = World::new();
    let rule = |attribute: &str, any: &str| Rule {
        attribute: attribute.into(),
        any: vec![any.into()],
    };
    let admitted = |world: &World| {
        world
            .finish(&form(&world.parts().xml()))
            .map(|person| person.admitted)
    };
    let group = |group: &str, rule: Rule| GroupRule {
        group: group.into(),
        rule,
    };
    world.policy.rules.groups = vec![
        group("physics", rule("group", "cn=physics")),
        group("chemistry", rule("group", "cn=chemistry")),
        group("everybody", rule("mail", "*")),
        group("nobody", rule("entitlement", "*")),
    ];
    assert_eq!(admitted(&world).unwrap().groups, ["physics", "everybody"]);
    assert_eq!(admitted(&world).unwrap().role, Role::User);
    world.policy.rules.auditor = vec![rule("eduPersonAffiliation", "member")];
    assert_eq!(admitted(&world).unwrap().role, Role::Auditor);
    world.policy.rules.admin = vec![rule("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "staff")];
    assert_eq!(admitted(&world).unwrap().role, Role::Admin);
    world.policy.rules.allow = Vec::new();
    assert_eq!(admitted(&world), Err(Refusal::NotAllowed));
    world.policy.rules.allow = vec![rule("affiliation", "*")];
    assert!(admitted(&world).is_ok());
}

#[test]
fn scopes_are_those_of_metadata_and_settings() {
    let mut world = World::new();
    let foreign = |parts: &mut Parts| {
        parts.attributes = parts
            .attributes
            .replacen("alice@uni.example", "a@b@Other.Example", 1);
    };
    assert!(!taken(&world, foreign));
    world.policy.scopes = vec!["other.example".into()];
    assert!(taken(&world, foreign));
    world.policy.scopes = Vec::new();
    world.idp.scopes = Vec::new();
    assert!(taken(&world, foreign), "unchecked where nobody says which");
}

#[test]
fn whoever_was_not_asked_and_whose_metadata_ended_says_nothing() {
    let mut world = World::new();
    world.pending.idp = "urn:other".into();
    assert!(!taken(&world, |_| {}));
    let mut world = World::new();
    world.idp.valid_until = Some(world.now.plus(TICK));
    assert!(taken(&world, |_| {}));
    world.idp.valid_until = Some(world.now);
    assert!(!taken(&world, |_| {}));
}

fn metadata(inside: &str) -> String {
    let certificate = base64(keys().idp.der().der());
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_m\" entityID=\"{IDP}\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:x urn:oasis:names:tc:SAML:2.0:protocol\">{inside}\
         <md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>\n{certificate}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
         <md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://idp.example/out\" ResponseLocation=\"https://idp.example/back\"/>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://x\"/>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://idp.example/in\"/></md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

fn base64(bytes: &[u8]) -> String {
    openssl::base64::encode_block(bytes)
}

#[test]
fn metadata_is_read() {
    let now = World::new().now;
    let scope = "<md:Extensions><shibmd:Scope xmlns:shibmd=\"urn:mace:shibboleth:metadata:1.0\">uni.example\
                 </shibmd:Scope><shibmd:Scope xmlns:shibmd=\"urn:mace:shibboleth:metadata:1.0\" regexp=\"true\">.*\
                 </shibmd:Scope></md:Extensions>";
    let idp = IdentityProvider::read(metadata(scope).as_bytes(), now).unwrap();
    assert_eq!(idp.entity_id, IDP);
    assert_eq!(idp.signing, [keys().idp.der()]);
    assert_eq!(idp.login_url, "https://idp.example/in");
    assert_eq!(idp.logout_url.as_deref(), Some("https://idp.example/out"));
    assert_eq!(
        idp.logout_response_url.as_deref(),
        Some("https://idp.example/back")
    );
    assert_eq!(idp.scopes, ["uni.example"]);
    assert_eq!(idp.valid_until, None);
}

#[test]
fn metadata_that_checks_nothing_is_refused() {
    let now = World::new().now;
    let right = metadata("");
    let until = |at: Timestamp| right.replace(" ID=", &format!(" validUntil=\"{at}\" ID="));
    let later = IdentityProvider::read(until(now.plus(TICK)).as_bytes(), now).unwrap();
    assert_eq!(later.valid_until, Some(now.plus(TICK)));
    for (name, wrong) in [
        ("over", until(now)),
        (
            "no signing key",
            right.replace("<md:KeyDescriptor>", "<md:KeyDescriptor use=\"encryption\">"),
        ),
        ("no key", right.replace("ds:X509Certificate>", "ds:X509SKI>")),
        (
            "key no base64",
            right.replace("<ds:X509Certificate>", "<ds:X509Certificate>%"),
        ),
        ("no entity ID", right.replace(" entityID=", " x=")),
        (
            "no redirect",
            right.replace("https://idp.example/in", "javascript:alert(1)"),
        ),
        ("another role", right.replace("IDPSSO", "SPSSO")),
        ("another protocol", right.replace(":protocol\"", ":protocol2\"")),
        (
            "a federation",
            format!(
                "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{right}</md:EntitiesDescriptor>"
            ),
        ),
        ("document type", format!("<!DOCTYPE a>{right}")),
    ] {
        assert!(IdentityProvider::read(wrong.as_bytes(), now).is_err(), "{name}");
    }
}

#[test]
fn metadata_may_be_pinned_to_its_signer() {
    let world = World::new();
    let signature = signature("_m");
    let unsigned = metadata("");
    let signed = sign(
        &unsigned.replacen("\"><md:IDP", &format!("\">{signature}<md:IDP"), 1),
        &keys().stranger,
    );
    let read = |xml: &str, signer: llmgw_auth_saml::Certificate| {
        IdentityProvider::read_signed(xml.as_bytes(), &signer, &world.signature, world.now)
    };
    assert_eq!(read(&signed, keys().stranger.der()).unwrap().entity_id, IDP);
    assert!(read(&signed, keys().idp.der()).is_err());
    assert!(read(&unsigned, keys().stranger.der()).is_err());
    assert!(read(&signed.replace("/in\"", "/evil\""), keys().stranger.der()).is_err());
}

#[test]
fn nothing_unsigned_is_believed_in_any_of_the_ways_to_sign() {
    // A response signed alone covers its assertion; an assertion signed alone does not cover the envelope.
    let world = World::new();
    for (signs, taken) in [
        (Signs::Response, false),
        (Signs::Assertion, true),
        (Signs::Both, false),
    ] {
        let mut parts = world.parts();
        parts.signs = signs;
        let xml = parts
            .xml()
            .replace("<samlp:Status>", "<samlp:Status Unsigned=\"x\">");
        assert_eq!(world.finish(&form(&xml)).is_ok(), taken, "{signs:?}");
    }
}
