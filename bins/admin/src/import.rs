//! Brings users, keys, models and usage over from the system that this one replaces. It only reads there. Done again it
//! changes nothing: what is here already is found by its name, its text or its id.

mod moment;
mod payers;
mod source;
mod tally;
mod usage;

use std::time::Duration;

use llmgw_admin_http::{Admin, Caller, Problem, WantedModel, WantedSecret, WantedTarget};
use llmgw_audit::Deed;
use llmgw_boot::{Failure, chain};
use llmgw_keys::{KeyError, KeyState, KeyText, NewKey, NewUser};
use llmgw_models::{ModelError, SecretRef};
use llmgw_types::{KeyId, ModelId, UserId};

use crate::args::ImportLegacy;
use crate::output::Shown;
use payers::Payers;
use source::{LegacyKey, LegacyModel, Source};
use tally::{Came, Tally};

/// What keys of which nobody knows the name are called.
const UNNAMED: &str = "imported";

/// Reads all of it and keeps it here. `retention`: how long the ledger keeps events; older ones would be lost at once.
pub(crate) async fn import(
    admin: &Admin,
    caller: &Caller,
    retention: Option<Duration>,
    wanted: &ImportLegacy,
) -> Result<Shown, Failure> {
    let source = Source::open(&wanted.mongo, &wanted.database).await?;
    let import = Import {
        admin,
        caller,
        dry: wanted.dry_run,
        retention,
    };
    if wanted.dry_run {
        return Ok(Shown::Imported(import.all(&source).await?.told(true)));
    }
    let deed = Deed {
        actor: caller.actor.clone(),
        origin: caller.origin.clone(),
        action: "import.legacy".to_owned(),
        subject: format!("database:{}", wanted.database),
        before: None,
        after: None,
    };
    let failed = |error: llmgw_types::StoreError| Failure::from(chain(&error));
    let intended = admin.auditor.intend(deed).await.map_err(failed)?;
    match import.all(&source).await {
        Ok(tally) => {
            let told = tally.told(false);
            admin
                .auditor
                .done(intended, Some(told.clone()))
                .await
                .map_err(failed)?;
            Ok(Shown::Imported(told))
        }
        Err(failure) => {
            let told = admin.auditor.failed(intended, failure.text.clone()).await;
            told.map_err(failed)?;
            Err(format!(
                "{}; run it again: what came already is not brought twice",
                failure.text
            )
            .into())
        }
    }
}

struct Import<'a> {
    admin: &'a Admin,
    caller: &'a Caller,
    dry: bool,
    retention: Option<Duration>,
}

impl Import<'_> {
    async fn all(&self, source: &Source) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut payers = Payers::default();
        for model in source.models().await? {
            self.model(model, &mut tally.models).await?;
        }
        let keys = source.keys().await?;
        let names = source.users().await?;
        let owners = keys.iter().filter_map(|key| key.user.clone());
        for name in names.into_iter().chain(owners) {
            self.user(&name, &mut payers, &mut tally.users).await?;
        }
        for key in keys {
            self.key(key, &mut payers, &mut tally.keys).await?;
        }
        self.usage(source, &mut payers, &mut tally).await?;
        Ok(tally)
    }

    /// A user of this name, who is made where there is none.
    async fn user(
        &self,
        name: &str,
        payers: &mut Payers,
        came: &mut Came,
    ) -> Result<Option<UserId>, Failure> {
        if let Some(known) = payers.user(name) {
            return Ok(known);
        }
        let id = match self.admin.users.find(name).await {
            // An id is no name.
            Ok(user) if user.name == name => {
                came.there += 1;
                Some(user.id)
            }
            Ok(_) | Err(KeyError::NoUser) => self.new_user(name, came).await?,
            Err(error) => return Err(told(error)),
        };
        payers.know_user(name, id);
        Ok(id)
    }

    async fn new_user(&self, name: &str, came: &mut Came) -> Result<Option<UserId>, Failure> {
        let now = self.admin.clock.now();
        if self.dry {
            came.made += 1;
            return Ok(Some(UserId::new(now, [0; 10])));
        }
        let new = NewUser {
            name: name.to_owned(),
            ..NewUser::default()
        };
        match self.admin.users.create(new, now).await {
            Ok(user) => {
                came.made += 1;
                Ok(Some(user.id))
            }
            Err(KeyError::Invalid(_)) => {
                came.left_out("the user's name is empty or longer than 128 characters");
                Ok(None)
            }
            Err(error) => Err(told(error)),
        }
    }

    async fn key(&self, key: LegacyKey, payers: &mut Payers, came: &mut Came) -> Result<(), Failure> {
        let Some(text) = key.text.as_deref() else {
            came.left_out("there is no text of the key");
            return Ok(());
        };
        let Ok(text) = KeyText::ours_or_imported(text.trim()) else {
            came.left_out("the key has not 16 to 256 visible characters");
            return Ok(());
        };
        let owner = key.user.unwrap_or_default();
        let Some(user) = payers.user(&owner).flatten() else {
            came.left_out("the key's owner did not come");
            return Ok(());
        };
        let id = match self.admin.keys.by_text(&text).await {
            Ok(there) => {
                came.there += 1;
                self.as_it_was(there.id, there.state, key.active, came).await?;
                there.id
            }
            Err(KeyError::NotFound) => self.new_key(owner, key.name, &text, key.active, came).await?,
            Err(error) => return Err(told(error)),
        };
        payers.know_key(&text, (id, user));
        Ok(())
    }

    async fn new_key(
        &self,
        owner: String,
        name: Option<String>,
        text: &KeyText,
        active: bool,
        came: &mut Came,
    ) -> Result<KeyId, Failure> {
        let now = self.admin.clock.now();
        came.made += 1;
        if self.dry {
            return Ok(KeyId::new(now, [0; 10]));
        }
        let name = name.filter(|name| !name.trim().is_empty() && name.chars().count() <= 128);
        let new = NewKey {
            owner,
            name: name.unwrap_or_else(|| UNNAMED.to_owned()),
            text: Some(text.clone()),
            ..NewKey::default()
        };
        let made = self.admin.keys.create(new, now).await.map_err(told)?;
        self.as_it_was(made.key.id, KeyState::Active, active, came)
            .await?;
        Ok(made.key.id)
    }

    // What may not be used there may not be used here.
    async fn as_it_was(
        &self,
        id: KeyId,
        state: KeyState,
        active: bool,
        came: &mut Came,
    ) -> Result<(), Failure> {
        if active || state == KeyState::Revoked || self.dry {
            return Ok(());
        }
        came.revoked += 1;
        self.admin.keys.revoke(id).await.map(drop).map_err(told)
    }

    async fn model(&self, model: LegacyModel, came: &mut Came) -> Result<(), Failure> {
        let Some(id) = model.id.as_deref().and_then(|id| ModelId::parse(id).ok()) else {
            came.left_out("its name is none that a model may have");
            return Ok(());
        };
        match self.admin.models.get(&id).await {
            Ok(_) => {
                came.there += 1;
                return Ok(());
            }
            Err(ModelError::NotFound(_)) => {}
            Err(error) => return Err(Problem::from(error).to_string().into()),
        }
        if self.dry {
            came.made += 1;
            return Ok(());
        }
        match self.new_model(id, model).await {
            Ok(()) => came.made += 1,
            Err(problem) if problem.status().is_client_error() => came.left_out(&problem.to_string()),
            Err(problem) => return Err(problem.to_string().into()),
        }
        Ok(())
    }

    async fn new_model(&self, id: ModelId, model: LegacyModel) -> Result<(), Problem> {
        let path = model.path.unwrap_or_else(|| id.to_string());
        let mut wanted = WantedModel {
            owned_by: model.owned_by,
            ..WantedModel::named(id)
        };
        // Where it is an address of its own, the default secret is not sent there.
        if path.starts_with("http://") || path.starts_with("https://") {
            wanted.targets.push(WantedTarget {
                secret: WantedSecret::Ref(SecretRef::None),
                ..WantedTarget::at(path, String::new())
            });
            return self.admin.make_model(self.caller, wanted).await.map(drop);
        }
        self.admin
            .make_model_at(self.caller, wanted, &path)
            .await
            .map(drop)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of map_err")]
fn told(error: KeyError) -> Failure {
    match &error {
        KeyError::Store(store) => chain(store).into(),
        other => other.to_string().into(),
    }
}

/// For people.
pub(crate) fn lines(imported: &serde_json::Value) -> Vec<String> {
    tally::lines(imported)
}
