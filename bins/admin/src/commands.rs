//! What each command does.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use llmgw_admin_http::{Admin, Caller, KeyFilter, Problem, WantedKey};
use llmgw_boot::{Failure, ask_ready, chain};
use llmgw_keys::{KeyText, KeyTextError};
use llmgw_types::{ExposeSecret, SecretString, StoreError, Timestamp};
use serde_json::{Value, json};

use crate::args::{
    AddModel, Args, Command, ConfigCommand, CreateKey, KeyCommand, ModelCommand, RollupCommand, UsageCommand,
};
use crate::open::{Checked, Opened};
use crate::output::{self, Shown};
use crate::settings::{self, Loaded};
use crate::{apply, entrance, import, manual, people, serve};

/// The longest text that is read as a key, in bytes.
const LONGEST_KEY: u64 = 1_024;

/// The longest secret of a model server that is read, in bytes; a longer one is refused.
const LONGEST_SECRET: u64 = 16 * 1024;

/// Does what the command line says.
pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    if let Command::Config(ConfigCommand::Reference) = args.command {
        return Ok(output::text(&settings::reference()));
    }
    if let Command::Openapi = args.command {
        let described = llmgw_admin_http::openapi().map_err(|error| error.to_string())?;
        return Ok(output::text(&format!("{described}\n")));
    }
    if let Some(done) = manual::print(&args.command) {
        return done;
    }
    let loaded = Loaded::load(&args)?;
    let standalone = args.data.is_some();
    match args.command {
        Command::Serve(_) => serve::run(&loaded, standalone, args.json),
        Command::Health => Ok(output::text(&ask_ready(loaded.settings.admin.health_listen)?)),
        Command::Config(ConfigCommand::Print) => Ok(output::text(&loaded.layers.print())),
        Command::Config(_) => {
            Checked::check(&loaded, standalone)?;
            entrance::check(&loaded.settings.admin).map_err(|fault| loaded.blame(&fault))?;
            Ok(output::checked(&loaded.sections()))
        }
        command => {
            let checked = Checked::check(&loaded, standalone)?;
            actix_rt::System::new().block_on(async {
                let opened = checked.open(&loaded).await?;
                let shown = work(&opened, loaded.settings.retention(), command).await?;
                if let Some(error) = opened.told.failure() {
                    output::untold(&error);
                }
                Ok(output::shown(&shown, args.json))
            })
        }
    }
}

async fn work(opened: &Opened, retention: Option<Duration>, command: Command) -> Result<Shown, Failure> {
    let admin = &opened.admin;
    match command {
        Command::Key(command) => key(admin, &caller(), command).await,
        Command::Model(command) => model(admin, &caller(), command).await,
        Command::User(command) => people::user(admin, &caller(), command).await,
        Command::Audit(command) => people::audit(admin, command).await,
        Command::Usage(UsageCommand::Report(report)) => {
            let report = admin.report(&report.wanted()).await;
            report.map(|report| Shown::Report(json!(report))).map_err(told)
        }
        Command::Usage(UsageCommand::Events(events)) => {
            let events = admin.events(&events.wanted()).await;
            events.map(|events| Shown::Events(json!(events))).map_err(told)
        }
        Command::Rollup(command) => rollup(admin, command).await,
        Command::ImportLegacy(wanted) => import::import(admin, &caller(), retention, &wanted).await,
        Command::Apply(wanted) => apply::apply(admin, &caller(), &wanted).await,
        // Done before the stores were opened.
        Command::Serve(_)
        | Command::Health
        | Command::Config(_)
        | Command::Openapi
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(Shown::Nothing),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of map_err")]
fn told(problem: Problem) -> Failure {
    problem.to_string().into()
}

// Who runs this, as the audit log names them.
fn caller() -> Caller {
    Caller::command_line(&llmgw_boot::account())
}

async fn key(admin: &Admin, caller: &Caller, command: KeyCommand) -> Result<Shown, Failure> {
    match command {
        KeyCommand::Create(create) => {
            let text = create.import.as_deref().map(imported).transpose()?;
            let wanted = wanted_key(create, admin.clock.now());
            let made = admin.make_key(caller, wanted, text).await;
            made.map(|key| Shown::Key(json!(key)))
        }
        KeyCommand::List => all_keys(admin).await.map(Shown::Keys),
        KeyCommand::Revoke { id } => admin.revoke_key(caller, id).await.map(|()| Shown::Revoked(id)),
        KeyCommand::Rotate { id, overlap } => {
            let made = admin.rotate_key(caller, id, overlap).await;
            made.map(|key| Shown::Key(json!(key)))
        }
    }
    .map_err(told)
}

fn wanted_key(create: CreateKey, now: Timestamp) -> WantedKey {
    let expires_at = create.expires_at(now);
    WantedKey {
        name: Some(create.name),
        models: create.models,
        limits: create.limits,
        expires_at,
        ..WantedKey::of(create.owner)
    }
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
    read_secret(std::io::stdin(), LONGEST_KEY)
}

fn read_secret(source: impl Read, longest: u64) -> std::io::Result<SecretString> {
    let mut text = String::new();
    source.take(longest).read_to_string(&mut text)?;
    Ok(SecretString::from(text))
}

// The secret of a model server.
fn secret_in(path: &Path) -> Result<SecretString, Failure> {
    let read = if path == Path::new("-") {
        read_secret(std::io::stdin(), LONGEST_SECRET)
    } else {
        File::open(path).and_then(|file| read_secret(file, LONGEST_SECRET))
    };
    let text = read.map_err(|error| format!("--secret-file: cannot read {}: {error}", path.display()))?;
    Ok(SecretString::from(
        text.expose_secret().trim_end_matches(['\r', '\n']),
    ))
}

// The API gives pages.
async fn all_keys(admin: &Admin) -> Result<Value, Problem> {
    let mut filter = KeyFilter {
        limit: Some(1_000),
        ..KeyFilter::default()
    };
    let mut data = Vec::new();
    loop {
        let page = admin.list_keys(&filter).await?;
        data.extend(page.data);
        filter.after = page.next.and_then(|next| next.parse().ok());
        if filter.after.is_none() {
            return Ok(json!({"data": data, "next": null}));
        }
    }
}

async fn model(admin: &Admin, caller: &Caller, command: ModelCommand) -> Result<Shown, Failure> {
    match command {
        ModelCommand::Add(add) => return add_model(admin, caller, *add).await,
        ModelCommand::List => admin
            .list_models()
            .await
            .map(|models| Shown::Models(json!(models))),
        ModelCommand::Test { id } => admin
            .test_targets(&id)
            .await
            .map(|tested| Shown::Tested(json!(tested))),
        ModelCommand::Remove { id } => {
            let removed = admin.remove_model(caller, &id, None).await;
            removed.map(|()| Shown::Removed(id))
        }
    }
    .map_err(told)
}

async fn add_model(admin: &Admin, caller: &Caller, add: AddModel) -> Result<Shown, Failure> {
    let (id, replace) = (add.id.clone(), add.replace);
    let there = admin.has_model(&id).await.map_err(told)?;
    if there && !replace {
        return Err(format!("{id} exists already; --replace changes it").into());
    }
    let secret = add.secret_file.as_deref().map(secret_in).transpose()?;
    let wanted = add.wanted(secret.as_ref());
    let model = if there {
        admin.replace_model(caller, id, None, wanted).await
    } else {
        admin.make_model(caller, wanted).await
    };
    model.map(|model| Shown::Model(json!(model))).map_err(told)
}

async fn rollup(admin: &Admin, command: RollupCommand) -> Result<Shown, Failure> {
    let failed = |error: StoreError| Failure::from(chain(&error));
    match command {
        RollupCommand::Verify => admin.ledger.verify().await.map(Shown::Verified),
        RollupCommand::Rebuild => admin.ledger.rebuild().await.map(|()| Shown::Rebuilt),
    }
    .map_err(failed)
}
