//! What each command does.

use std::io::Read;
use std::process::ExitCode;

use llmgw_admin_http::{Admin, Problem, WantedKey};
use llmgw_boot::{Failure, chain};
use llmgw_keys::{KeyText, KeyTextError};
use llmgw_types::{ExposeSecret, KeyId, SecretString, StoreError};
use serde_json::{Value, json};

use crate::args::{
    AddModel, Args, Command, ConfigCommand, CreateKey, KeyCommand, ModelCommand, RollupCommand, UsageCommand,
};
use crate::open::{Checked, Opened};
use crate::output::{self, Shown};
use crate::settings::{self, Loaded};

/// The longest text that is read as a key, in bytes.
const LONGEST_KEY: u64 = 1_024;

/// Does what the command line says.
pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    if let Command::Config(ConfigCommand::Reference) = args.command {
        return Ok(output::text(&settings::reference()));
    }
    let loaded = Loaded::load(&args)?;
    let standalone = args.data.is_some();
    match args.command {
        Command::Config(ConfigCommand::Print) => Ok(output::text(&loaded.layers.print())),
        Command::Config(_) => {
            Checked::check(&loaded, standalone)?;
            Ok(output::checked(&loaded.sections()))
        }
        command => {
            let checked = Checked::check(&loaded, standalone)?;
            actix_rt::System::new().block_on(async {
                let opened = checked.open(&loaded).await?;
                let shown = work(&opened, command).await?;
                if let Some(error) = opened.told.failure() {
                    output::untold(&error);
                }
                Ok(output::shown(&shown, args.json))
            })
        }
    }
}

async fn work(opened: &Opened, command: Command) -> Result<Shown, Failure> {
    let admin = &opened.admin;
    match command {
        Command::Key(command) => key(admin, command).await,
        Command::Model(command) => model(admin, command).await,
        Command::Usage(UsageCommand::Report(report)) => {
            let report = admin.report(&report.wanted()).await;
            report.map(Shown::Report).map_err(told)
        }
        Command::Usage(UsageCommand::Events(events)) => {
            let events = admin.events(&events.wanted()).await;
            events.map(Shown::Events).map_err(told)
        }
        Command::Rollup(command) => rollup(admin, command).await,
        // Done before the stores were opened.
        Command::Config(_) => Ok(Shown::Nothing),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of map_err")]
fn told(problem: Problem) -> Failure {
    problem.to_string().into()
}

async fn key(admin: &Admin, command: KeyCommand) -> Result<Shown, Failure> {
    match command {
        KeyCommand::Create(create) => {
            let text = create.import.as_deref().map(imported).transpose()?;
            make_key(admin, create, text).await
        }
        KeyCommand::List => all_keys(admin).await.map(Shown::Keys),
        KeyCommand::Revoke { id } => admin.revoke_key(id).await.map(|()| Shown::Revoked(id)),
        KeyCommand::Rotate { id, overlap } => admin.rotate_key(id, overlap).await.map(Shown::Key),
    }
    .map_err(told)
}

async fn make_key(admin: &Admin, create: CreateKey, text: Option<KeyText>) -> Result<Shown, Problem> {
    let expires_at = create.expires_at(admin.clock.now());
    let wanted = WantedKey {
        owner: create.owner,
        name: Some(create.name),
        models: create.models,
        limits: create.limits,
        expires_at,
    };
    admin.make_key(wanted, text).await.map(Shown::Key)
}

fn imported(text: &str) -> Result<KeyText, Failure> {
    let text = match text {
        "-" => from_stdin().map_err(|error| format!("--import: cannot read stdin: {error}"))?,
        text => SecretString::from(text),
    };
    let key = KeyText::ours_or_imported(text.expose_secret().trim());
    // What was given is not repeated: it may be nearly a key.
    key.map_err(|error| {
        let why = match error {
            KeyTextError::NotOurs => "a key has 16 to 256 visible characters".to_owned(),
            other => other.to_string(),
        };
        format!("--import: {why}").into()
    })
}

fn from_stdin() -> std::io::Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().take(LONGEST_KEY).read_to_string(&mut text)?;
    Ok(SecretString::from(text))
}

// The API gives pages.
async fn all_keys(admin: &Admin) -> Result<Value, Problem> {
    let mut data = Vec::new();
    let mut after: Option<KeyId> = None;
    loop {
        let mut page = admin.list_keys(after, None).await?;
        if let Value::Array(keys) = page["data"].take() {
            data.extend(keys);
        }
        after = page["next"].as_str().and_then(|next| next.parse().ok());
        if after.is_none() {
            return Ok(json!({"data": data, "next": null}));
        }
    }
}

async fn model(admin: &Admin, command: ModelCommand) -> Result<Shown, Failure> {
    match command {
        ModelCommand::Add(add) => return add_model(admin, *add).await,
        ModelCommand::List => admin.list_models().await.map(Shown::Models),
        ModelCommand::Remove { id } => admin.remove_model(&id).await.map(|()| Shown::Removed(id)),
    }
    .map_err(told)
}

async fn add_model(admin: &Admin, add: AddModel) -> Result<Shown, Failure> {
    let (id, replace) = (add.id.clone(), add.replace);
    let there = admin.models.get(&id).await.is_ok();
    if there && !replace {
        return Err(format!("{id} exists already; --replace changes it").into());
    }
    let wanted = add.wanted();
    let model = if there {
        admin.replace_model(id, wanted).await
    } else {
        admin.make_model(wanted).await
    };
    model.map(Shown::Model).map_err(told)
}

async fn rollup(admin: &Admin, command: RollupCommand) -> Result<Shown, Failure> {
    let failed = |error: StoreError| Failure::from(chain(&error));
    match command {
        RollupCommand::Verify => admin.ledger.verify().await.map(Shown::Verified),
        RollupCommand::Rebuild => admin.ledger.rebuild().await.map(|()| Shown::Rebuilt),
    }
    .map_err(failed)
}
