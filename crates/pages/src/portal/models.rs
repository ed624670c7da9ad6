//! What a person may use: limits and models.

use askama::Template;

use crate::look::{Frame, Time};

/// The limits of a person.
#[derive(Clone, Template)]
#[template(path = "portal/limits.html")]
pub struct LimitsPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The limits; none for a person without.
    pub limits: Vec<LimitRow>,
    /// Whether it is unknown how much was used. Then only the amounts are shown.
    pub unknown: bool,
}

/// One limit.
#[derive(Clone, Debug)]
pub struct LimitRow {
    /// Whom it is for: `you`, or the name of a group.
    pub whose: String,
    /// What it counts: `requests`, `tokens`, `EUR`.
    pub unit: String,
    /// How long it counts: `per minute`, `per day`.
    pub window: String,
    /// How much there is, as people read it.
    pub amount: String,
    /// How much of it is used.
    pub used: String,
    /// How much is left.
    pub left: String,
    /// How much is used, from 0 to 100; more counts as 100.
    pub percent: u8,
    /// When counting starts anew, if that is one moment.
    pub resets: Option<Time>,
}

impl LimitRow {
    fn part(&self) -> u8 {
        self.percent.min(100)
    }
}

/// The models that a person may use.
#[derive(Clone, Template)]
#[template(path = "portal/models.html")]
pub struct ModelsPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The models, in the order to show them.
    pub models: Vec<ModelRow>,
    /// The currency of the prices; without, no prices are shown.
    pub currency: Option<String>,
}

/// One model.
#[derive(Clone, Debug, Default)]
pub struct ModelRow {
    /// What programs call it.
    pub id: String,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Who made or runs it.
    pub owner: String,
    /// What it can be used for: `chat`, `embeddings`.
    pub endpoints: Vec<String>,
    /// The price of a million input tokens, as [`money`](crate::look::money) writes it.
    pub prompt: String,
    /// The price of a million input tokens from the cache.
    pub cached: String,
    /// The price of a million output tokens.
    pub completion: String,
    /// The price of a million of what is not counted in tokens (seconds, pictures, documents), where it has one.
    pub unit: Option<String>,
    /// Whether it costs nothing; then the prices do not count.
    pub free: bool,
    /// How many tokens it can take at once, if known.
    pub context: Option<u64>,
}
