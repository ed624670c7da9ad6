//! The table itself: one row for each setting, in the order of the reference.

use super::Kind::{
    Address, Count, File, Folder, Groups, Keep, Limits, Networks, OneOf, Places, Secret, Size, Socket, Span,
    StoreUrl, StoreUrls, Text, Zone,
};
use super::{Kind, Setting};

/// What each section is about, in the order of the reference.
pub(in crate::config) const SECTIONS: [(&str, &str); 14] = [
    ("gateway", "The LLM API."),
    ("store", "What holds keys, users, models and usage records."),
    (
        "mongo",
        "MongoDB, 5.0 or newer, as a replica set; one node is enough. A gateway starts and serves while it is \
         away, from what it knew last, and usage waits in the journal.",
    ),
    (
        "redis",
        "Redis 6.2 or newer, or a Redis Cluster, with `maxmemory-policy noeviction`: shared limits, caches, and \
         news of changes. A gateway starts and serves while it is away.",
    ),
    ("keys", "API keys."),
    ("upstream", "Model servers in general."),
    ("limits", "Limits that stand with no key, user or model."),
    ("reports", "Reports of usage."),
    (
        "journal",
        "Notes on running requests, from which nothing is lost.",
    ),
    ("secrets", "Secrets of model servers."),
    ("admin", "The administration."),
    (
        "portal",
        "The self service: people log in and look after their own keys.",
    ),
    ("saml", "Logins with an institution, by SAML 2.0."),
    ("log", "Logs, on stderr."),
];

/// All of them, in the order of the reference.
pub(super) const SETTINGS: [Setting; 63] = [
    setting(
        "gateway",
        "listen",
        Socket,
        "where the LLM API is; port 0: any free port",
    ),
    setting(
        "gateway",
        "health_listen",
        Socket,
        "where health checks and metrics are; keep it inside",
    ),
    setting(
        "gateway",
        "linger",
        Span,
        "how long new requests are still taken after SIGTERM, while `/health/ready` already says no",
    ),
    setting(
        "gateway",
        "drain",
        Span,
        "how long running requests may go on after that; later ones end in an error",
    ),
    setting(
        "gateway",
        "max_body",
        Size,
        "the longest request body; more for uploads of sound and pictures",
    ),
    setting(
        "gateway",
        "max_buffered",
        Size,
        "all request bodies together; beyond it, 503",
    ),
    setting(
        "gateway",
        "max_in_flight",
        Count,
        "requests that may run at once; beyond it, 503",
    ),
    setting(
        "gateway",
        "body_timeout",
        Span,
        "how long a request body may take to arrive",
    ),
    setting(
        "gateway",
        "answers_kept",
        Span,
        "how long an answer that its model server keeps can be asked for again",
    ),
    setting(
        "gateway",
        "trusted_proxies",
        Networks,
        "proxies whose `X-Forwarded-For` says where a client is",
    ),
    setting("store", "kind", OneOf(&["mongo", "sqlite"]), "where they are"),
    setting("store", "path", File, "the file, where it is SQLite"),
    setting(
        "mongo",
        "url",
        StoreUrl,
        "where it is, `mongodb://` or `mongodb+srv://`, with MongoDB's own options",
    ),
    setting("mongo", "url_file", File, "a file that holds that"),
    setting("mongo", "database", Text, "the database"),
    setting(
        "mongo",
        "user",
        Text,
        "the user, as plain text; goes before one in the address",
    ),
    setting(
        "mongo",
        "password",
        Secret,
        "the password, as plain text; goes before one in the address",
    ),
    setting("mongo", "password_file", File, "a file that holds it"),
    setting(
        "mongo",
        "tls_ca_file",
        File,
        "turns TLS on and trusts the authorities in this PEM file",
    ),
    setting(
        "mongo",
        "retention",
        Keep,
        "how long single usage records are kept; sums by hour are always kept",
    ),
    setting(
        "redis",
        "url",
        StoreUrl,
        "where it is, `redis://host:port/db`, or `rediss://` for TLS",
    ),
    setting("redis", "url_file", File, "a file that holds that"),
    setting(
        "redis",
        "username",
        Text,
        "the user, as plain text; goes before one in the address",
    ),
    setting(
        "redis",
        "password",
        Secret,
        "the password, as plain text; goes before one in the address",
    ),
    setting("redis", "password_file", File, "a file that holds it"),
    setting(
        "redis",
        "ca_file",
        File,
        "the certificate authority of the server, a PEM file; else those the system trusts",
    ),
    setting(
        "redis",
        "cluster",
        StoreUrls,
        "further nodes of a Redis Cluster; not empty: `url` is a node of one as well",
    ),
    setting(
        "redis",
        "connections",
        Count,
        "connections that calls share; one at least",
    ),
    setting(
        "redis",
        "prefix",
        Text,
        "what the names of all keys in Redis begin with",
    ),
    setting(
        "redis",
        "call_timeout",
        Span,
        "how long one call may take; portal and administration wait 2 s at least",
    ),
    setting(
        "keys",
        "pepper",
        Secret,
        "what keys are hashed under, 32 bytes or more; further lines are older peppers",
    ),
    setting("keys", "pepper_file", File, "a file that holds it; back it up"),
    setting(
        "keys",
        "max_per_user",
        Count,
        "keys that a person may make for themselves",
    ),
    setting(
        "upstream",
        "default_url",
        Address,
        "models without a target are served at `URL/<model id>/v1/...`",
    ),
    setting(
        "upstream",
        "default_key",
        Secret,
        "the key of that server, and of targets that name no other",
    ),
    setting("upstream", "default_key_file", File, "a file that holds it"),
    setting(
        "upstream",
        "connect_timeout",
        Span,
        "how long to wait for a connection to a model server",
    ),
    setting(
        "upstream",
        "keep_alive",
        Span,
        "how long a connection to a model server is kept that no request uses, 75 s at most; best shorter than the server's own, which is 5 s with llama.cpp and vLLM",
    ),
    setting(
        "upstream",
        "allow",
        Places,
        "host names and networks that targets may be in, everywhere unless named; link-local addresses and metadata services never are",
    ),
    setting(
        "limits",
        "default",
        Limits,
        "limits for each user who has none of their own",
    ),
    setting("limits", "everyone", Limits, "limits for all users together"),
    setting(
        "limits",
        "groups",
        Groups,
        "limits of groups, for `each` member and for all together (`shared`)",
    ),
    setting(
        "limits",
        "timezone",
        Zone,
        "where a day and a month of a limit begin",
    ),
    setting(
        "limits",
        "when_unavailable",
        OneOf(&["local", "refuse", "allow"]),
        "while shared limits cannot be reached: each gateway holds them by itself, requests are refused, or they \
         run without limits",
    ),
    setting("reports", "timezone", Zone, "where a day of a report begins"),
    setting(
        "reports",
        "currency",
        Text,
        "the currency that prices and costs are in, as pages name it",
    ),
    setting(
        "journal",
        "dir",
        Folder,
        "where notes are; must be a local disk, and outlive the process",
    ),
    setting(
        "journal",
        "when_full",
        OneOf(&["refuse", "allow"]),
        "without room for notes, refuse requests, or allow them unnoted",
    ),
    setting("journal", "max_size", Size, "the most disk space for notes"),
    setting(
        "secrets",
        "dir",
        Folder,
        "the folder of `file:` secrets that targets name",
    ),
    setting(
        "secrets",
        "master_key_file",
        File,
        "master keys that secrets given to the administration are kept under, one a line, the newest first, each made by `openssl rand -base64 32`; the same for gateways and administration",
    ),
    setting("admin", "listen", Socket, "where the administration is"),
    setting(
        "admin",
        "health_listen",
        Socket,
        "where health checks and metrics of `llm-gateway-admin serve` are",
    ),
    setting("admin", "key", Secret, "the admin key, 16 characters or more"),
    setting("admin", "key_file", File, "a file that holds it"),
    setting(
        "admin",
        "public_base_url",
        Address,
        "where browsers find its pages, like `https://llm-admin.example.org`: scheme, host and port; plain http on localhost only",
    ),
    setting(
        "admin",
        "portal_url",
        Address,
        "the portal that hands administrators and auditors over, by its own `portal.public_base_url`",
    ),
    setting(
        "admin",
        "handover_public_key_file",
        File,
        "the public half of the portal's `handover_key_file` in PEM form; `openssl pkey -in KEY -pubout` makes it",
    ),
    setting(
        "admin",
        "trusted_proxies",
        Networks,
        "proxies whose `X-Forwarded-For` says where somebody is; the audit log names that place",
    ),
    setting(
        "admin",
        "session_lasts",
        Span,
        "how long somebody stays signed in at the pages at most",
    ),
    setting(
        "admin",
        "session_idle",
        Span,
        "how long they stay signed in unused",
    ),
    setting("log", "format", OneOf(&["human", "json"]), "how a line looks"),
    setting(
        "log",
        "level",
        Text,
        "`error`, `warn`, `info`, `debug`, `trace`, or directives like `warn,llmgw_proxy=debug`",
    ),
];

pub(super) const fn setting(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    means: &'static str,
) -> Setting {
    Setting {
        section,
        name,
        kind,
        means,
    }
}
