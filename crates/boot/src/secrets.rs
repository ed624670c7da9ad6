//! Secrets of model servers, from where their references say.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use llmgw_models::{SecretRef, SecretResolver, SecretUnsealer, Target};
use llmgw_types::{Clock, SecretString, StoreError};

const FILE_KEPT: Duration = Duration::from_secs(5);

/// Resolves `default`, `env:`, `file:` and `sealed:`.
pub struct RefResolver {
    default: Option<SecretString>,
    environment: HashMap<String, SecretString>,
    dir: Option<PathBuf>,
    unsealer: Option<Arc<dyn SecretUnsealer>>,
    clock: Arc<dyn Clock>,
    // Files are read again now and then, so that a rotated secret comes through without a restart.
    files: Mutex<HashMap<String, (Duration, SecretString)>>,
}

impl fmt::Debug for RefResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefResolver")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl RefResolver {
    /// `default` is the default upstream secret, `dir` the folder of `file:` secrets. The environment is read
    /// now, and only [variables that may hold a secret](SecretRef::is_variable) of a target.
    #[must_use]
    pub fn new(default: Option<SecretString>, dir: Option<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "targets name variables, which are read once"
        )]
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| SecretRef::is_variable(name))
            .map(|(name, value)| (name, SecretString::from(value)))
            .collect();
        Self {
            default,
            environment,
            dir,
            unsealer: None,
            clock,
            files: Mutex::default(),
        }
    }

    /// The same, which also opens sealed secrets.
    #[must_use]
    pub fn with_unsealer(self, unsealer: Option<Arc<dyn SecretUnsealer>>) -> Self {
        Self { unsealer, ..self }
    }

    fn file(&self, name: &str) -> Result<SecretString, StoreError> {
        let now = self.clock.monotonic();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read_at, secret)) = files.get(name)
            && now.saturating_sub(*read_at) < FILE_KEPT
        {
            return Ok(secret.clone());
        }
        let missing = || StoreError::Missing {
            what: format!("the secret `file:{name}`"),
        };
        let path = self.dir.as_ref().ok_or_else(missing)?.join(name);
        let text = std::fs::read_to_string(path).map_err(|_| missing())?;
        let secret = SecretString::from(text.trim_end_matches(['\r', '\n']));
        files.insert(name.to_owned(), (now, secret.clone()));
        Ok(secret)
    }
}

#[async_trait]
impl SecretResolver for RefResolver {
    async fn resolve(&self, target: &Target) -> Result<Option<SecretString>, StoreError> {
        match &target.secret {
            SecretRef::None => Ok(None),
            SecretRef::Default => Ok(self.default.clone()),
            SecretRef::Env(name) => match self.environment.get(name) {
                Some(secret) => Ok(Some(secret.clone())),
                None => Err(StoreError::Missing {
                    what: format!("the secret `env:{name}`"),
                }),
            },
            SecretRef::File(name) => self.file(name).map(Some),
            SecretRef::Sealed(sealed) => match &self.unsealer {
                Some(unsealer) => unsealer.unseal(sealed, &target.base_url).map(Some),
                None => Err(StoreError::Missing {
                    what: "the master key of a sealed secret (secrets.master_key_file)".to_owned(),
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use figment::Jail;
    use llmgw_types::{ExposeSecret, ManualClock, TargetId, Timestamp};

    use super::*;

    #[test]
    #[expect(clippy::result_large_err, reason = "figment's error")]
    fn a_target_gets_its_own_secrets_and_no_setting() {
        let mut resolver = None;
        Jail::expect_with(|jail| {
            jail.clear_env();
            jail.set_env("LLMGW_UPSTREAM_A", "of-a");
            jail.set_env("LLMGW_UPSTREAM__DEFAULT_KEY", "default");
            jail.set_env("LLMGW_ADMIN__KEY", "admin");
            let clock = Arc::new(ManualClock::at(Timestamp::default()));
            resolver = Some(RefResolver::new(None, None, clock));
            Ok(())
        });
        let resolver = resolver.unwrap();
        let find = |name: &str| {
            let target = Target {
                id: TargetId::parse("t").unwrap(),
                base_url: "http://t".to_owned(),
                model: None,
                secret: SecretRef::Env(name.to_owned()),
                weight: 1,
                max_in_flight: None,
                quirks: Vec::new(),
            };
            actix_rt::System::new().block_on(async { resolver.resolve(&target).await })
        };
        let found = find("LLMGW_UPSTREAM_A").unwrap().unwrap();
        assert_eq!(found.expose_secret(), "of-a");
        for name in [
            "LLMGW_UPSTREAM__DEFAULT_KEY",
            "LLMGW_ADMIN__KEY",
            "LLMGW_UPSTREAM_B",
        ] {
            assert!(matches!(find(name), Err(StoreError::Missing { .. })), "{name}");
        }
    }
}
