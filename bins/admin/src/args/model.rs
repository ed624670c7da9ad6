//! `model ...`.

use clap::Subcommand;
use std::path::PathBuf;

use llmgw_admin_http::{WantedModel, WantedSecret, WantedTarget};
use llmgw_models::Access;
use llmgw_types::{Endpoint, GroupName, Limit, ModelId, Money, Price, SecretString};

/// What to do with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Serve a model.
    Add(Box<AddModel>),
    /// List models in order of id.
    List,
    /// Ask each target of a model whether it is there; exit 1 where one is not.
    Test {
        /// The model's id
        id: ModelId,
    },
    /// Serve a model no longer; its usage stays in the ledger.
    Remove {
        /// The model's id
        id: ModelId,
    },
}

/// A model to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct AddModel {
    /// What clients call it
    pub(crate) id: ModelId,

    /// A model server, so that URL/v1/chat/completions is called; may be given again, later ones are tried when
    /// earlier ones fail
    #[arg(long = "url", value_name = "URL", required = true)]
    urls: Vec<String>,

    /// The model server's own name for it [default: the id]
    #[arg(long, value_name = "NAME")]
    upstream_model: Option<String>,

    /// Where the model server's secret is: env:LLMGW_UPSTREAM_... or file:NAME (under secrets.dir) [default: it needs none]
    #[arg(long, value_name = "REF")]
    secret: Option<WantedSecret>,

    /// A file that has the model server's secret, which is kept encrypted; `-` reads it from stdin
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    pub(crate) secret_file: Option<PathBuf>,

    /// Another name for it; may be given again
    #[arg(long = "alias", value_name = "ID")]
    aliases: Vec<ModelId>,

    /// What it serves, like chat_completions or embeddings; may be given again [default: everything]
    #[arg(long = "endpoint", value_name = "ENDPOINT")]
    endpoints: Vec<Endpoint>,

    /// Who may use it; may be given again [default: everyone]
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<GroupName>,

    /// Price of a million prompt tokens, in billionths of the currency
    #[arg(long, value_name = "N", default_value_t = 0)]
    price_prompt: i64,

    /// Price of a million cached prompt tokens, in billionths [default: as --price-prompt]
    #[arg(long, value_name = "N")]
    price_cached: Option<i64>,

    /// Price of a million completion tokens, in billionths
    #[arg(long, value_name = "N", default_value_t = 0)]
    price_completion: i64,

    /// Price of a million of what is not counted in tokens (seconds of sound, pictures, documents), in billionths
    #[arg(long, value_name = "N", default_value_t = 0)]
    price_unit: i64,

    /// Tokens that prompt and answer together may have; the portal shows it
    #[arg(long, value_name = "N")]
    context: Option<u32>,

    /// A limit of all its use; may be given again, as for `key create`
    #[arg(long = "limit", value_name = "UNIT/WINDOW=N")]
    limits: Vec<Limit>,

    /// Change the model of this id, all fields, where there is one
    #[arg(long)]
    pub(crate) replace: bool,
}

impl AddModel {
    /// As the API takes it, with the text of the secret file.
    pub(crate) fn wanted(self, secret_text: Option<&SecretString>) -> WantedModel {
        let targets = self.urls.into_iter().map(|base_url| WantedTarget {
            model: self.upstream_model.clone(),
            secret: self.secret.clone().unwrap_or_default(),
            secret_text: secret_text.cloned(),
            ..WantedTarget::at(base_url, String::new())
        });
        let targets = targets.collect();
        let access = match self.groups.is_empty() {
            true => Access::Everyone,
            false => Access::Groups(self.groups),
        };
        WantedModel {
            aliases: self.aliases,
            endpoints: self.endpoints,
            targets,
            price: Price {
                prompt: Money::from_nanos(self.price_prompt),
                cached_prompt: Money::from_nanos(self.price_cached.unwrap_or(self.price_prompt)),
                completion: Money::from_nanos(self.price_completion),
                unit: Money::from_nanos(self.price_unit),
            },
            access,
            limits: self.limits,
            context: self.context,
            ..WantedModel::named(self.id)
        }
    }
}
