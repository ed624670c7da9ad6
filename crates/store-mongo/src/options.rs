//! How a store is reached.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use llmgw_types::SecretString;

/// Those of appends; every process takes one.
const SLOTS: u8 = 16;
/// One more, for what is made anew from records.
pub(crate) const SLOT_OF_REPAIRS: u8 = SLOTS;

const DAY: Duration = Duration::from_hours(24);

/// How a store is reached, and what it keeps.
#[derive(Debug, Clone)]
pub struct Options {
    /// `mongodb://HOST:PORT/?replicaSet=rs0`, or `mongodb+srv://`, with MongoDB's own options. Its `w`,
    /// `readPreference` and `readConcernLevel` are passed over: what this store promises needs a majority and the
    /// primary.
    pub url: SecretString,
    /// The database all collections are in.
    pub database: String,
    /// The user to log in as, as plain text, instead of one in the URL. `authSource` and `authMechanism` in the
    /// URL still count.
    pub user: Option<String>,
    /// The user's password, as plain text, instead of one in the URL.
    pub password: Option<SecretString>,
    /// Turns TLS on and trusts the authorities in this PEM file, as `tls=true&tlsCAFile=` in the URL does.
    pub tls_ca_file: Option<PathBuf>,
    /// How long events are kept after they were appended; `None`: for ever. Roll-ups are always kept. The last
    /// gateway to start decides. It must be longer than any journal waits to be delivered: a record whose event
    /// is gone counts as new.
    pub retention: Option<Duration>,
    /// Where reports by day begin their days (`reports.timezone`).
    pub reports_timezone: TimeZone,
    /// Which of 16 documents per sum this process adds to; only the lowest four bits count. Gateways with
    /// different slots never wait for each other, so take it at random or from the instance's name.
    pub slot: u8,
    /// How long a call on a key, user or model, or one that shows events, may take.
    pub call_timeout: Duration,
    /// How long an append may take, all its attempts included. Also how long the preparation of a database may.
    pub append_timeout: Duration,
    /// How long a report may take.
    pub report_timeout: Duration,
    /// How long `verify` and `rebuild` may take over the whole ledger.
    pub maintenance_timeout: Duration,
}

impl Options {
    /// The store in `database` behind `url`: events are kept for 400 days; days in UTC; slot 0; bounds of 5, 30
    /// and 60 seconds and one day.
    #[must_use]
    pub fn new(url: SecretString, database: &str) -> Self {
        Self {
            url,
            database: database.to_owned(),
            user: None,
            password: None,
            tls_ca_file: None,
            retention: Some(400 * DAY),
            reports_timezone: TimeZone::UTC,
            slot: 0,
            call_timeout: Duration::from_secs(5),
            append_timeout: Duration::from_secs(30),
            report_timeout: Duration::from_secs(60),
            maintenance_timeout: DAY,
        }
    }

    pub(crate) fn slot(&self) -> u8 {
        self.slot % SLOTS
    }
}
