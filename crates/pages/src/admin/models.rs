//! Models.

use askama::Template;

use super::{Filled, Frame};

/// All models.
#[derive(Clone, Template)]
#[template(path = "admin/models.html")]
pub struct ModelsPage {
    /// What stands around the page.
    pub frame: Frame,
    /// In the order to show them.
    pub models: Vec<ModelLine>,
    /// What prices are in.
    pub currency: String,
}

/// A model in the list.
#[derive(Clone, Debug)]
pub struct ModelLine {
    /// Its id.
    pub id: String,
    /// Where its page is.
    pub href: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// Where it is served; empty: at the default upstream.
    pub targets: Vec<String>,
    /// Prices of a million tokens, of the prompt and of the answer; `None` where it costs nothing.
    pub price: Option<(String, String)>,
    /// Groups that may use it; `None`: everyone.
    pub groups: Option<Vec<String>>,
    /// Whether it is served.
    pub active: bool,
}

/// A new model, or one to change: `id`, `aliases`, `owned_by`, `endpoint`, targets, prices, `access`, `groups`, `fallbacks`,
/// timeouts, limits, `state`.
#[derive(Clone, Template)]
#[template(path = "admin/model.html")]
pub struct ModelPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The model; `None`: a new one.
    pub id: Option<String>,
    /// Where the form goes.
    pub action: String,
    /// Where the question is before it is removed.
    pub remove: String,
    /// What stands in the form.
    pub form: Filled,
    /// Endpoints there are.
    pub endpoints: Vec<String>,
    /// What prices are in.
    pub currency: String,
    /// Whether secrets can be given here, as `target_{n}_secret_text`, to be kept encrypted.
    pub takes_secrets: bool,
}
