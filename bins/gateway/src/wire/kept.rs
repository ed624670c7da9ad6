//! The last good answer of a store in a file, so that a gateway can start while every store is away. It holds names
//! of secrets, never secrets.

mod limits;
mod models;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use llmgw_types::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) use limits::KeptLimits;
pub(super) use models::KeptModels;

/// One answer, and the file it is in.
struct Kept<T> {
    what: &'static str,
    file: PathBuf,
    state: Mutex<State<T>>,
}

struct State<T> {
    // What the file holds, as far as this process knows.
    written: Option<T>,
    // Whether the last answer came from it.
    away: bool,
}

impl<T: Clone + PartialEq + Serialize + DeserializeOwned> Kept<T> {
    fn new(what: &'static str, file: PathBuf) -> Self {
        let state = State {
            written: None,
            away: false,
        };
        Self {
            what,
            file,
            state: Mutex::new(state),
        }
    }

    /// What to answer with where the store answered with `read`.
    fn through(&self, read: Result<T, StoreError>) -> Result<T, StoreError> {
        match read {
            Ok(value) => {
                self.keep(&value);
                Ok(value)
            }
            Err(error @ StoreError::Unavailable { .. }) => self.kept(&error).ok_or(error),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, value: &T) {
        let mut state = self.lock();
        if std::mem::take(&mut state.away) {
            tracing::info!("{} are read from the store again", self.what);
        }
        if state.written.as_ref() == Some(value) {
            return;
        }
        match self.write(value) {
            Ok(()) => state.written = Some(value.clone()),
            Err(error) => {
                tracing::warn!(path = %self.file.display(), %error, "{} were not kept", self.what);
            }
        }
    }

    // Whoever reads the file finds the old answer or the new one.
    fn write(&self, value: &T) -> io::Result<()> {
        let text = serde_json::to_vec(value).map_err(io::Error::other)?;
        // Replicas may share the folder.
        let draft = self.file.with_extension(format!("{}.draft", std::process::id()));
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&draft, &self.file)?;
        self.file
            .parent()
            .map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }

    fn kept(&self, error: &StoreError) -> Option<T> {
        let mut state = self.lock();
        let value = match &state.written {
            Some(value) => value.clone(),
            None => self.read()?,
        };
        if !std::mem::replace(&mut state.away, true) {
            tracing::warn!(%error, "{} cannot be read; those that were kept hold", self.what);
        }
        state.written = Some(value.clone());
        Some(value)
    }

    fn read(&self) -> Option<T> {
        let text = fs::read(&self.file).ok()?;
        let value = serde_json::from_slice(&text);
        value
            .inspect_err(|error| {
                tracing::warn!(path = %self.file.display(), %error, "kept {} cannot be read", self.what);
            })
            .ok()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
