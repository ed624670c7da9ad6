//! Both sides of a login.

use llmgw_auth_saml::login::{Pending, Person, Policy, finish};
use llmgw_auth_saml::{IdentityProvider, Refusal, Rule, Rules, ServiceProvider};
use llmgw_idp::{Pair, Parts, keys};
use llmgw_types::Timestamp;
use llmgw_xmlsec_samael::{OpensslDecryption, ProviderKey, SamaelSignature};

pub(crate) const IDP: &str = "https://idp.example/idp";
pub(crate) const REQUEST: &str = "_request";

pub(crate) struct World {
    pub(crate) we: ServiceProvider,
    pub(crate) idp: IdentityProvider,
    pub(crate) policy: Policy,
    pub(crate) signature: SamaelSignature,
    pub(crate) decryption: OpensslDecryption,
    pub(crate) pending: Pending,
    pub(crate) now: Timestamp,
}

pub(crate) fn provider_key(pair: &Pair) -> ProviderKey {
    let (key, certificate) = pair.pem();
    ProviderKey::from_pem(&key, &certificate).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let ours = [provider_key(&keys().sp), provider_key(&keys().old_sp)];
        let certificates = ours.iter().map(|key| key.certificate().clone()).collect();
        let rule = |any: &str| Rule {
            attribute: "affiliation".into(),
            any: vec![any.into()],
        };
        Self {
            we: ServiceProvider::at("https://llm.example", "https://llm.example/sp", certificates).unwrap(),
            idp: IdentityProvider {
                entity_id: IDP.into(),
                signing: [&keys().idp, &keys().next, &keys().elliptic]
                    .map(Pair::der)
                    .to_vec(),
                login_url: format!("{IDP}/login"),
                logout_url: Some(format!("{IDP}/logout")),
                logout_response_url: None,
                scopes: vec!["uni.example".into()],
                valid_until: None,
            },
            policy: Policy {
                rules: Rules {
                    allow: vec![rule("faculty"), rule("staff")],
                    ..Rules::default()
                },
                ..Policy::default()
            },
            signature: SamaelSignature::new(&ours[0]),
            decryption: OpensslDecryption::new(&ours),
            pending: Pending {
                request_id: REQUEST.into(),
                idp: IDP.into(),
                requested_at: now,
                return_path: "/keys".into(),
            },
            now,
        }
    }

    pub(crate) fn parts(&self) -> Parts {
        Parts::new(IDP, &self.we.entity_id, &self.we.acs_url, REQUEST, self.now)
    }

    pub(crate) fn finish(&self, form: &str) -> Result<Person, Refusal> {
        let ports = (&self.signature as _, &self.decryption as _);
        finish(
            form,
            &self.pending,
            &self.we,
            &self.idp,
            &self.policy,
            ports,
            self.now,
        )
    }
}
