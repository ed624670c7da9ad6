//! `usage ...` and `rollup ...`.

use clap::Subcommand;
use llmgw_admin_http::{WantedEvents, WantedReport};
use llmgw_types::{KeyId, ModelId, RequestId, Timestamp};

use super::time;

/// What to show of usage.
#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Sums: requests, tokens, cost. Fast, whatever the number of requests; times are cut to whole hours.
    Report(Report),
    /// Single requests, newest first.
    Events(Events),
}

/// Sums.
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// From then on: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    from: Option<Timestamp>,

    /// Until then
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    to: Option<Timestamp>,

    /// Break down by these, with commas: user, key, model, endpoint, target, groups
    #[arg(long, value_name = "WHAT", default_value = "user,model")]
    by: String,

    /// Break down by time: none, hour, day
    #[arg(long, value_name = "STEP", default_value = "none")]
    bucket: String,

    /// Only this user, by name or id
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Only this key
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,

    /// Only this model
    #[arg(long, value_name = "ID")]
    model: Option<ModelId>,
}

impl Report {
    /// As the API takes it.
    pub(crate) fn wanted(self) -> WantedReport {
        WantedReport {
            from: self.from,
            to: self.to,
            by: self.by,
            bucket: self.bucket,
            user: self.user,
            key: self.key,
            model: self.model,
        }
    }
}

/// Single requests.
#[derive(Debug, clap::Args)]
pub(crate) struct Events {
    /// The most to show, up to 10000
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,

    /// Only this user, by name or id
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Only this request, by its x-request-id
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,

    /// From then on: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    from: Option<Timestamp>,

    /// Until then
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    to: Option<Timestamp>,
}

impl Events {
    /// As the API takes it.
    pub(crate) fn wanted(self) -> WantedEvents {
        WantedEvents {
            limit: Some(self.limit),
            request_id: self.request_id,
            user: self.user,
            from: self.from,
            to: self.to,
            before: None,
        }
    }
}

/// What to do with sums.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum RollupCommand {
    /// Compare the sums with the requests they were made from; exit 1 where they differ.
    Verify,
    /// Make the sums anew from the requests. Gateways go on meanwhile.
    Rebuild,
}
