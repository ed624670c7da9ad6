//! Rows of the table: what is set for people who log in.

use super::Kind::{Address, File, Flag, Keys, Names, OneOf, RuledGroups, Rules, Socket, Span, Text, Texts};
use super::Setting;
use super::settings::setting;

/// `[portal]` and `[saml]`, in the order of the reference.
pub(super) const SETTINGS: [Setting; 26] = [
    setting(
        "portal",
        "listen",
        Socket,
        "where the self service is; port 0: any free port",
    ),
    setting(
        "portal",
        "health_listen",
        Socket,
        "where health checks and metrics are; keep it inside",
    ),
    setting(
        "portal",
        "public_base_url",
        Address,
        "where browsers find it, like `https://llm.example.org`: scheme, host and port; plain http on localhost only",
    ),
    setting(
        "portal",
        "login",
        OneOf(&["saml", "local"]),
        "how people log in: with their institution, or by a link printed at start, which is for one person on one machine",
    ),
    setting("portal", "institution", Text, "the institution, as pages name it"),
    setting(
        "portal",
        "support",
        Text,
        "where people turn to, shown with errors: a mail address or a web address",
    ),
    setting(
        "portal",
        "api_url",
        Address,
        "where clients find the LLM API, for the snippets; without `/v1`",
    ),
    setting(
        "portal",
        "agreement_file",
        File,
        "the agreement that people accept before anything else, in Markdown",
    ),
    setting(
        "portal",
        "agreement_version",
        Text,
        "its version; a new one is asked for again. Made from the text unless set",
    ),
    setting("portal", "session_lasts", Span, "how long a login lasts at most"),
    setting("portal", "session_idle", Span, "how long a login lasts unused"),
    setting(
        "portal",
        "admin_url",
        Address,
        "the admin service, to which administrators are handed over",
    ),
    setting(
        "portal",
        "handover_key_file",
        File,
        "the Ed25519 key in PEM form that signs that; `openssl genpkey -algorithm ed25519` makes one",
    ),
    setting(
        "saml",
        "entity_id",
        Text,
        "our name to the identity provider; the address of our metadata unless set",
    ),
    setting(
        "saml",
        "idp_metadata",
        Text,
        "the identity provider's metadata: the path of a file, or an https address",
    ),
    setting(
        "saml",
        "idp_metadata_refresh",
        Span,
        "how often the metadata is read again; the last good one is kept",
    ),
    setting(
        "saml",
        "idp_metadata_signer",
        File,
        "a certificate in PEM form: metadata is believed only when its holder signed it",
    ),
    setting(
        "saml",
        "sp_keys",
        Keys,
        "our keys (RSA, 2048 bits or more); all are in our metadata, the first one signs",
    ),
    setting(
        "saml",
        "attributes",
        Names,
        "which attribute says who somebody is (`id`), what to call them, where to write to, and their groups",
    ),
    setting(
        "saml",
        "scopes",
        Texts,
        "scopes that the identity provider may speak for, beside those in its metadata",
    ),
    setting(
        "saml",
        "allow",
        Rules,
        "who may come in; nobody unless a rule holds",
    ),
    setting("saml", "admin", Rules, "who administers"),
    setting(
        "saml",
        "auditor",
        Rules,
        "who may look at everything and change nothing",
    ),
    setting(
        "saml",
        "groups",
        RuledGroups,
        "who is in which group of ours, beside the groups the identity provider names",
    ),
    setting(
        "saml",
        "force_authn",
        Flag,
        "whether the password is asked for at each login",
    ),
    setting(
        "saml",
        "contexts",
        Texts,
        "how somebody must have logged in, one of these classes; any unless set",
    ),
];
