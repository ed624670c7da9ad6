//! `import-legacy`.

use std::convert::Infallible;

use llmgw_types::SecretString;

/// Where to import from.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportLegacy {
    /// The MongoDB of the system that is replaced, as in mongodb://user:password@host/; also by the variable, which no
    /// process list shows
    #[arg(long, value_name = "URI", env = "LLMGW_LEGACY_MONGO", hide_env_values = true, value_parser = secret)]
    pub(crate) mongo: SecretString,

    /// Its database
    #[arg(long, value_name = "NAME", default_value = "gateway")]
    pub(crate) database: String,

    /// Only say what would come
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a value parser")]
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}
