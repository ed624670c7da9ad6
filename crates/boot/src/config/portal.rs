//! The sections of the self service: `[portal]`, and `[saml]` for those who log in with their institution.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::values::{Address, Span};

/// How people log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortalLogin {
    /// With their institution.
    #[default]
    Saml,
    /// By a link that is printed at start: one person, one machine.
    Local,
}

/// `[portal]`: the self service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSection {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where health and metrics are.
    pub health_listen: SocketAddr,
    /// Where browsers find it.
    pub public_base_url: Option<Address>,
    /// How people log in.
    pub login: PortalLogin,
    /// The institution, as pages name it.
    pub institution: Option<String>,
    /// Where people turn to.
    pub support: Option<String>,
    /// Where clients find the LLM API.
    pub api_url: Option<Address>,
    /// The agreement that people accept.
    pub agreement_file: Option<PathBuf>,
    /// Its version.
    pub agreement_version: Option<String>,
    /// How long a login lasts, however busy.
    pub session_lasts: Span,
    /// How long it lasts unused.
    pub session_idle: Span,
    /// Where administrators are handed over to.
    pub admin_url: Option<Address>,
    /// The key that signs that.
    pub handover_key_file: Option<PathBuf>,
}

impl Default for PortalSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8082)),
            health_listen: SocketAddr::from(([127, 0, 0, 1], 9092)),
            public_base_url: None,
            login: PortalLogin::default(),
            institution: None,
            support: None,
            api_url: None,
            agreement_file: None,
            agreement_version: None,
            session_lasts: Span(Duration::from_hours(8)),
            session_idle: Span(Duration::from_hours(1)),
            admin_url: None,
            handover_key_file: None,
        }
    }
}

/// `[saml]`: logins with an institution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamlSection {
    /// Our name to the identity provider.
    pub entity_id: Option<String>,
    /// Its metadata: a file, or an https address.
    pub idp_metadata: Option<String>,
    /// How often an address is asked again.
    pub idp_metadata_refresh: Span,
    /// The certificate that must have signed the metadata.
    pub idp_metadata_signer: Option<PathBuf>,
    /// Our keys, the present one first.
    pub sp_keys: Vec<SamlKey>,
    /// Which attribute says what.
    pub attributes: SamlAttributes,
    /// Scopes that the identity provider may speak for.
    pub scopes: Vec<String>,
    /// Who may come in.
    pub allow: Vec<SamlRule>,
    /// Who administers.
    pub admin: Vec<SamlRule>,
    /// Who may look at everything.
    pub auditor: Vec<SamlRule>,
    /// Who is in which group.
    pub groups: Vec<SamlGroup>,
    /// Whether the password is asked for at each login.
    pub force_authn: bool,
    /// How somebody must have logged in.
    pub contexts: Vec<String>,
}

impl Default for SamlSection {
    fn default() -> Self {
        Self {
            entity_id: None,
            idp_metadata: None,
            idp_metadata_refresh: Span(Duration::from_hours(1)),
            idp_metadata_signer: None,
            sp_keys: Vec::new(),
            attributes: SamlAttributes::default(),
            scopes: Vec::new(),
            allow: Vec::new(),
            admin: Vec::new(),
            auditor: Vec::new(),
            groups: Vec::new(),
            force_authn: false,
            contexts: Vec::new(),
        }
    }
}

/// One of our keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlKey {
    /// The private key, in PEM form.
    pub key_file: PathBuf,
    /// Its certificate, in PEM form.
    pub cert_file: PathBuf,
}

/// Which attribute says what; by friendly name, short name or the name it travels under.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamlAttributes {
    /// Who this is: one value, never given to another person.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// Where to write to.
    pub mail: String,
    /// The groups.
    pub groups: String,
}

impl Default for SamlAttributes {
    fn default() -> Self {
        Self {
            id: "eduPersonPrincipalName".to_owned(),
            name: "displayName".to_owned(),
            mail: "mail".to_owned(),
            groups: "isMemberOf".to_owned(),
        }
    }
}

/// Holds of a person who has one of the values.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlRule {
    /// The attribute.
    pub attribute: String,
    /// The values; `*`: whoever has the attribute.
    pub any: Vec<String>,
}

/// A group of ours, and who is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlGroup {
    /// The group.
    pub group: String,
    /// The attribute.
    pub attribute: String,
    /// The values; `*`: whoever has the attribute.
    pub any: Vec<String>,
}
