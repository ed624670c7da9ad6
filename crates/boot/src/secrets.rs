//! Secrets of model servers, from where their references say.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use llmgw_models::{SecretRef, SecretResolver};
use llmgw_types::{Clock, SecretString, StoreError};

const FILE_KEPT: Duration = Duration::from_secs(5);

/// Resolves `default`, `env:` and `file:`.
pub struct RefResolver {
    default: Option<SecretString>,
    environment: HashMap<String, SecretString>,
    dir: Option<PathBuf>,
    clock: std::sync::Arc<dyn Clock>,
    // Files are read again now and then, so that a rotated secret comes through without a restart.
    files: Mutex<HashMap<String, (Duration, SecretString)>>,
}

impl fmt::Debug for RefResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefResolver").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl RefResolver {
    /// `default` is the default upstream secret, `dir` the folder of `file:` secrets. The environment is read
    /// now, and only variables that begin with `LLMGW_UPSTREAM_`.
    #[must_use]
    pub fn new(default: Option<SecretString>, dir: Option<PathBuf>, clock: std::sync::Arc<dyn Clock>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "`env:` secrets are environment variables")]
        let variables = std::env::vars_os();
        let environment = variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("LLMGW_UPSTREAM_"))
            .map(|(name, value)| (name, SecretString::from(value)))
            .collect();
        Self { default, environment, dir, clock, files: Mutex::default() }
    }

    fn file(&self, name: &str) -> Result<SecretString, StoreError> {
        let now = self.clock.monotonic();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read_at, secret)) = files.get(name)
            && now.saturating_sub(*read_at) < FILE_KEPT
        {
            return Ok(secret.clone());
        }
        let missing = || StoreError::Missing { what: format!("the secret `file:{name}`") };
        let path = self.dir.as_ref().ok_or_else(missing)?.join(name);
        let text = std::fs::read_to_string(path).map_err(|_| missing())?;
        let secret = SecretString::from(text.trim_end_matches(['\r', '\n']));
        files.insert(name.to_owned(), (now, secret.clone()));
        Ok(secret)
    }
}

#[async_trait]
impl SecretResolver for RefResolver {
    async fn resolve(&self, secret: &SecretRef) -> Result<Option<SecretString>, StoreError> {
        match secret {
            SecretRef::None => Ok(None),
            SecretRef::Default => Ok(self.default.clone()),
            SecretRef::Env(name) => match self.environment.get(name) {
                Some(secret) => Ok(Some(secret.clone())),
                None => Err(StoreError::Missing { what: format!("the secret `env:{name}`") }),
            },
            SecretRef::File(name) => self.file(name).map(Some),
        }
    }
}
