//! `apply`.

use std::path::PathBuf;

/// What to make so.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Apply {
    /// The file, YAML (JSON is YAML, too); `-` reads it from stdin
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Only say what would be changed
    #[arg(long)]
    pub(crate) diff: bool,

    /// Also remove models and limits of groups that the file does not name, in the sections that it has
    #[arg(long)]
    pub(crate) prune: bool,
}

const EXAMPLE: &str = "\
A file, each section of which may be left out and is left alone then:

  models:
    - id: llama-3
      aliases: [llama]
      targets:
        - base_url: http://10.0.0.5:8000
          secret: env:LLMGW_UPSTREAM_LLAMA
      price: {prompt: 500000000, completion: 1500000000}
      access: {groups: [physics]}
  limits:
    everyone: []
    each_user: [{unit: tokens, window: day, amount: 200000}]
  groups:
    physics:
      each: [{unit: requests, window: minute, amount: 60}]
      shared: [{unit: cost, window: month, amount: 500000000000}]
  service_accounts:
    - name: nightly-batch
      groups: [physics]

Each thing is said whole: what is left out of it has its default. Several documents, parted by `---`, are done one
after the other; each is done as a whole or not at all. Fields are those of the REST API (`openapi` prints them).";
