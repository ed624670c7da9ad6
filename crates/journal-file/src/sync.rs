//! Makes written files safe against a power cut, ten times a second, for all of them at once.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::registry::Registry;

/// What a power cut may take.
const EVERY: Duration = Duration::from_millis(100);

/// The thread; it ends, after a last round, when this is dropped.
#[derive(Debug)]
pub(crate) struct Sync {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sync {
    pub(crate) fn start(registry: Arc<Registry>) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let mut round = Round {
            registry,
            failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("journal-sync".into())
            .spawn(move || {
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    round.run();
                }
                round.run();
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Sync {
    fn drop(&mut self) {
        self.stop = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the journal's thread panicked; the last records may not survive a power cut");
        }
    }
}

struct Round {
    registry: Arc<Registry>,
    failing: bool,
}

impl Round {
    fn run(&mut self) {
        let result = self.files().and(self.folder());
        match &result {
            Err(error) if !self.failing => {
                tracing::error!(%error, "the journal cannot be made safe against a power cut");
            }
            Ok(()) if self.failing => tracing::info!("the journal is safe against a power cut again"),
            _ => {}
        }
        self.failing = result.is_err();
    }

    fn files(&self) -> io::Result<()> {
        let mut result = Ok(());
        for segment in self.registry.all() {
            if !segment.take_changed() {
                continue;
            }
            if let Err(error) = segment.file().sync_data() {
                segment.set_changed();
                result = Err(error);
            } else {
                self.registry.synced.fetch_add(1, Ordering::Release);
            }
        }
        result
    }

    // A file is found after a power cut only when its folder was made safe, too.
    fn folder(&self) -> io::Result<()> {
        if !self.registry.folder_changed.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let path = self.registry.ground.folder.path();
        let mut both = path.parent().into_iter().chain([path]);
        both.try_for_each(|path| File::open(path)?.sync_all())
            .inspect_err(|_| {
                self.registry.folder_changed.store(true, Ordering::Release);
            })
    }
}

#[cfg(test)]
mod tests;
