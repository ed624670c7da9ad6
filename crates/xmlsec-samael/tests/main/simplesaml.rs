//! A real identity provider.

use std::time::SystemTime;

use llmgw_auth_saml::login::{Begun, Policy, begin, finish};
use llmgw_auth_saml::logout::{Carried, LogoutMessage, read, request};
use llmgw_auth_saml::{IdentityProvider, LoginWishes, Refusal, Rule, Rules, ServiceProvider};
use llmgw_idp::{SimpleSaml, keys};
use llmgw_types::{Role, Timestamp};
use llmgw_xmlsec_samael::{OpensslDecryption, SamaelSignature};

use crate::world::provider_key;

struct Side {
    idp: IdentityProvider,
    real: SimpleSaml,
    we: ServiceProvider,
    policy: Policy,
    signature: SamaelSignature,
    decryption: OpensslDecryption,
    _folder: tempfile::TempDir,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the other side reads the machine's clock"
)]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

fn rule(attribute: &str, any: &[&str]) -> Rule {
    Rule {
        attribute: attribute.into(),
        any: any.iter().map(|&value| value.to_owned()).collect(),
    }
}

impl Side {
    fn start(switches: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let real = SimpleSaml::start(folder.path(), switches)?;
        let ours = [provider_key(&keys().sp), provider_key(&keys().old_sp)];
        let certificates = ours.iter().map(|key| key.certificate().clone()).collect();
        let we = ServiceProvider::at(
            "http://localhost:9",
            "http://localhost:9/saml/metadata",
            certificates,
        )
        .unwrap();
        real.trust(&we.metadata());
        let policy = Policy {
            rules: Rules {
                allow: vec![rule("affiliation", &["staff", "faculty"])],
                admin: vec![rule("entitlement", &["urn:mace:example:llm:admin"])],
                ..Rules::default()
            },
            wishes: LoginWishes {
                force_authn: true,
                contexts: Vec::new(),
            },
            ..Policy::default()
        };
        Some(Self {
            idp: IdentityProvider::read(real.metadata().as_bytes(), now()).unwrap(),
            real,
            we,
            policy,
            signature: SamaelSignature::new(&ours[0]),
            decryption: OpensslDecryption::new(&ours),
            _folder: folder,
        })
    }

    fn begin(&self) -> Begun {
        begin(
            &self.we,
            &self.idp,
            &self.policy,
            &self.signature,
            [7; 16],
            Some("/usage"),
            now(),
        )
        .unwrap()
    }

    fn log_in(&self, user: &str) -> Result<llmgw_auth_saml::login::Person, Refusal> {
        let begun = self.begin();
        let form = self.real.log_in(&begun.url, user);
        let response = form
            .iter()
            .find(|(name, _)| name == "SAMLResponse")
            .map(|(_, value)| value);
        let ports = (&self.signature as _, &self.decryption as _);
        let response = response.unwrap_or_else(|| panic!("no response: {form:?}"));
        finish(
            response,
            &begun.pending,
            &self.we,
            &self.idp,
            &self.policy,
            ports,
            now(),
        )
    }
}

fn alice_comes_in(switches: &[(&str, &str)]) {
    let Some(side) = Side::start(switches) else { return };
    let person = side.log_in("alice").unwrap();
    let id = format!("{} alice@uni.example", side.idp.entity_id);
    assert_eq!(person.account.external_id, id);
    assert_eq!(person.account.name, "Alice Ångström");
    assert_eq!(person.account.groups, ["cn=llm-admins", "cn=physics"]);
    assert_eq!(person.admitted.role, Role::Admin);
    assert_eq!(person.return_path, "/usage");
    assert!(person.session_index.is_some());
}

#[test]
fn alice_comes_in_by_a_request_that_is_checked() {
    alice_comes_in(&[("VALIDATE_AUTHN", "1")]);
}

#[test]
fn alice_comes_in_encrypted() {
    alice_comes_in(&[("ENCRYPT", "1")]);
}

#[test]
fn alice_comes_in_during_a_rollover() {
    alice_comes_in(&[("IDP_KEY2", "1")]);
}

#[test]
fn alice_comes_in_with_only_one_signature() {
    alice_comes_in(&[("SIGN_RESPONSE", "0"), ("SIGALG", "rsa-sha512")]);
    alice_comes_in(&[("SIGN_ASSERTION", "0")]);
}

#[test]
fn sha1_is_refused() {
    let Some(side) = Side::start(&[("SIGALG", "rsa-sha1")]) else {
        return;
    };
    assert!(matches!(side.log_in("alice"), Err(Refusal::Algorithm(_))));
}

#[test]
fn bob_is_not_let_in_and_the_account_must_be_known() {
    let Some(side) = Side::start(&[]) else { return };
    assert_eq!(side.log_in("bob"), Err(Refusal::NotAllowed));
}

#[test]
fn a_logout_of_ours_is_followed_and_answered() {
    let Some(side) = Side::start(&[]) else { return };
    let person = side.log_in("alice").unwrap();
    let sides = (&side.we, &side.idp);
    let index = person.session_index.as_deref();
    let url = request("_q1", &person.name_id, index, sides, &side.signature, now())
        .unwrap()
        .unwrap();
    let back = side.real.sent_to(&url);
    let query = back
        .strip_prefix(&format!("{}?", side.we.logout_url))
        .unwrap_or_else(|| panic!("sent to {back}"));
    let answer = read(Carried::Query(query), &side.we, &side.idp, &side.signature, now()).unwrap();
    let expected = LogoutMessage::Response {
        in_response_to: "_q1".into(),
        success: true,
    };
    assert_eq!(answer, expected);
}
