//! `key ...`.

use std::time::Duration;

use clap::Subcommand;
use llmgw_types::{KeyId, Limit, ModelId, Timestamp};

use super::time;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and show it, this once.
    Create(CreateKey),
    /// List keys in the order in which they were made.
    List,
    /// Revoke a key for good, in force within a second.
    Revoke {
        /// The key's id, from `key list`
        id: KeyId,
    },
    /// Make a key in place of another: same owner, name, models, limits and expiry.
    Rotate {
        /// The old key's id, from `key list`
        id: KeyId,
        /// How long the old key goes on, as in 24h or 30m; 0s revokes it at once
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time::length)]
        overlap: Duration,
    },
}

/// A key to make.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateKey {
    /// Whose it is; an owner nobody knows is made
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: String,

    /// What it is for
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,

    /// A model it may use; may be given again [default: all that the owner may]
    #[arg(long = "model", value_name = "ID")]
    pub(crate) models: Vec<ModelId>,

    /// A limit; may be given again: tokens/day=200000, requests/minute=60, in_flight=8, cost/month=5000000000
    /// (cost in billionths). Units: requests, tokens, cost, in_flight; windows: minute, hour, day, month
    #[arg(long = "limit", value_name = "UNIT/WINDOW=N")]
    pub(crate) limits: Vec<Limit>,

    /// When it ends: 2027-01-31, 2027-01-31T12:00:00Z, or from now on as in 90d or 12h [default: never]
    #[arg(long, value_name = "TIME", value_parser = time::end)]
    pub(crate) expires: Option<time::End>,

    /// A key made elsewhere that shall go on working, 16 to 256 visible characters; `-` reads it from stdin, where
    /// no other user of this machine can see it
    #[arg(long, value_name = "TEXT")]
    pub(crate) import: Option<String>,
}

impl CreateKey {
    /// When it ends.
    pub(crate) fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.expires.map(|end| end.after(now))
    }
}
