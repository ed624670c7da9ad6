//! Logins with an institution, from their settings.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use llmgw_auth_saml::login::Policy;
use llmgw_auth_saml::{
    Certificate, GroupRule, LoginWishes, Mapping, Rule, Rules, ServiceProvider, XmlDecryption, XmlSignature,
};
use llmgw_boot::config::{Fault, SamlKey, SamlRule, SamlSection};
use llmgw_portal_http::{IdpMetadata, SamlLogin};
use llmgw_types::GroupName;
use llmgw_xmlsec_samael::{KeyError, OpensslDecryption, ProviderKey, SamaelSignature, certificate_from_pem};

use crate::metadata::Source;

/// What the settings come to.
pub(crate) struct Saml {
    pub(crate) we: ServiceProvider,
    pub(crate) source: Source,
    pub(crate) metadata: IdpMetadata,
    policy: Policy,
    signature: Arc<dyn XmlSignature>,
    decryption: Arc<dyn XmlDecryption>,
}

impl Saml {
    /// Looks at everything that can be looked at without the network. `origin` is where browsers find us.
    pub(crate) fn of(saml: &SamlSection, origin: &str) -> Result<Self, Fault> {
        let keys = keys(&saml.sp_keys)?;
        let Some(first) = keys.first() else {
            return Err(Fault::new(
                "saml.sp_keys",
                "there is none; `openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj /CN=llm.example.org \
                 -keyout sp.key -out sp.crt` makes one",
            ));
        };
        if saml.allow.is_empty() {
            let what = "nobody could come in; name who may, like `[{ attribute = \"affiliation\", any = [\"staff\"] }]`";
            return Err(Fault::new("saml.allow", what));
        }
        let signature: Arc<dyn XmlSignature> = Arc::new(SamaelSignature::new(first));
        let metadata_url = format!("{origin}/saml/metadata");
        let entity_id = saml.entity_id.clone().unwrap_or(metadata_url);
        let certificates = keys.iter().map(|key| key.certificate().clone()).collect();
        let we = ServiceProvider::at(origin, &entity_id, certificates)
            .map_err(|error| Fault::new("portal.public_base_url", error.to_string()))?;
        let signer = saml.idp_metadata_signer.as_deref().map(signer).transpose()?;
        Ok(Self {
            we,
            source: Source::of(saml, signer, Arc::clone(&signature))?,
            metadata: IdpMetadata::default(),
            policy: policy(saml)?,
            signature,
            decryption: Arc::new(OpensslDecryption::new(&keys)),
        })
    }

    /// For the routes.
    pub(crate) fn login(&self) -> SamlLogin {
        SamlLogin::new(
            self.we.clone(),
            self.policy.clone(),
            Arc::clone(&self.signature),
            Arc::clone(&self.decryption),
            self.metadata.clone(),
        )
    }
}

fn policy(saml: &SamlSection) -> Result<Policy, Fault> {
    let rules = |key: &str, rules: &[SamlRule]| {
        let rules = rules
            .iter()
            .map(|rule| checked_rule(key, &rule.attribute, &rule.any));
        rules.collect::<Result<Vec<_>, _>>()
    };
    let groups = saml.groups.iter().map(|group| {
        let name = GroupName::parse(&group.group);
        let name = name.map_err(|error| Fault::new("saml.groups", error.to_string()))?;
        Ok(GroupRule {
            group: name.to_string(),
            rule: checked_rule("saml.groups", &group.attribute, &group.any)?,
        })
    });
    let names = &saml.attributes;
    Ok(Policy {
        mapping: Mapping {
            id: names.id.clone(),
            name: names.name.clone(),
            mail: names.mail.clone(),
            groups: names.groups.clone(),
        },
        rules: Rules {
            allow: rules("saml.allow", &saml.allow)?,
            admin: rules("saml.admin", &saml.admin)?,
            auditor: rules("saml.auditor", &saml.auditor)?,
            groups: groups.collect::<Result<_, _>>()?,
        },
        wishes: LoginWishes {
            force_authn: saml.force_authn,
            contexts: saml.contexts.clone(),
        },
        scopes: saml.scopes.clone(),
    })
}

fn checked_rule(key: &str, attribute: &str, any: &[String]) -> Result<Rule, Fault> {
    if attribute.is_empty() || any.is_empty() {
        let what = "a rule needs an attribute and values; `any = [\"*\"]` is whoever has the attribute";
        return Err(Fault::new(key, what));
    }
    Ok(Rule {
        attribute: attribute.to_owned(),
        any: any.to_vec(),
    })
}

fn keys(files: &[SamlKey]) -> Result<Vec<ProviderKey>, Fault> {
    files
        .iter()
        .map(|files| {
            let key = read("saml.sp_keys", &files.key_file)?;
            let certificate = read("saml.sp_keys", &files.cert_file)?;
            ProviderKey::from_pem(&key, &certificate).map_err(|error| {
                let file = match error {
                    KeyError::Certificate | KeyError::Pair => &files.cert_file,
                    KeyError::Key | KeyError::Weak => &files.key_file,
                };
                Fault::new("saml.sp_keys", format!("{}: {error}", file.display()))
            })
        })
        .collect()
}

fn signer(file: &Path) -> Result<Certificate, Fault> {
    let key = "saml.idp_metadata_signer";
    let pem = read(key, file)?;
    certificate_from_pem(&pem).map_err(|error| Fault::new(key, format!("{}: {error}", file.display())))
}

pub(crate) fn read(key: &str, file: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(file).map_err(|error| {
        let what = format!(
            "cannot read {}: {error}; make the file readable for this user, or name another",
            file.display()
        );
        Fault::new(key, what)
    })
}
