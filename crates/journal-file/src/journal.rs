//! The journal: opened on a folder, written by workers, read by a shipper.

use std::path::Path;
use std::sync::{Arc, Mutex};

use llmgw_usage::journal::{JournalBatch, JournalEntry, JournalError, JournalLag, OpenEntry, UsageJournal};

use crate::adopt::Adopted;
use crate::error::{OpenError, refusal};
use crate::folder;
use crate::lanes::Lanes;
use crate::lock::locked;
use crate::options::Options;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::room::Room;
use crate::segment::Ground;
use crate::sync::Sync;

/// A [`UsageJournal`] in files.
///
/// Within one thread's records, batches are oldest first. Dropping it makes the files safe and removes what
/// is no longer needed; its entries may outlive it, and keep its folder from being taken over.
#[derive(Debug)]
pub struct FileJournal {
    lanes: Lanes,
    queue: Mutex<Queue>,
    registry: Arc<Registry>,
    // Taken when dropped: the thread ends before the files are looked at for the last time.
    sync: Option<Sync>,
}

impl FileJournal {
    /// Opens the journal in `dir`, which is made if missing, with mode 0700. Several processes may share it.
    /// What dead ones left there is read whole before this returns, and shipped first.
    ///
    /// # Errors
    /// When `dir` or this process's folder in it cannot be made, locked or read.
    pub fn open_dir(dir: &Path, options: Options) -> Result<Arc<Self>, OpenError> {
        let (own, left) = folder::take(dir)?;
        let ground = Arc::new(Ground {
            folder: own,
            room: Room::new(options.max_bytes),
            options,
            unwritten: Mutex::default(),
        });
        let adopted = left
            .into_iter()
            .filter_map(|folder| adopt(folder, &ground.room))
            .collect();
        let registry = Arc::new(Registry::new(ground));
        let sync = Sync::start(Arc::clone(&registry)).map_err(OpenError::at("start the thread for", dir))?;
        Ok(Arc::new(Self {
            lanes: Lanes::new(Arc::clone(&registry)),
            queue: Mutex::new(Queue::new(Arc::clone(&registry), adopted)),
            registry,
            sync: Some(sync),
        }))
    }
}

impl UsageJournal for FileJournal {
    fn open(&self, entry: &OpenEntry) -> Result<Box<dyn JournalEntry>, JournalError> {
        Ok(Box::new(self.lanes.open(entry).map_err(refusal)?))
    }

    fn next_batch(&self, max: usize) -> Result<JournalBatch, JournalError> {
        locked(&self.queue).next_batch(max).map_err(JournalError::Io)
    }

    fn confirm(&self, mark: u64) -> Result<(), JournalError> {
        locked(&self.queue).confirm(mark).map_err(JournalError::Io)
    }

    fn rewind(&self) {
        locked(&self.queue).rewind();
    }

    fn lag(&self) -> JournalLag {
        self.registry.ground.room.lag()
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        self.sync = None;
        let unwritten = locked(&self.registry.ground.unwritten).len();
        if unwritten > 0 {
            tracing::error!(
                records = unwritten,
                "records the disk did not take are lost; they count as crashed"
            );
        }
        if let Err(error) = self.registry.remove_all_drained() {
            tracing::warn!(%error, "a drained segment of the journal was not removed");
        }
    }
}

// What cannot be read must not keep the gateway from starting.
fn adopt(folder: folder::Folder, room: &Room) -> Option<Adopted> {
    let path = folder.path().to_owned();
    let adopted = Adopted::read(folder).and_then(|adopted| {
        let records = adopted.records();
        if records == 0 {
            return adopted.remove().map(|()| None);
        }
        tracing::info!(path = %path.display(), records, crashed = adopted.crashed.len(), "took over a journal");
        room.took_over(adopted.bytes);
        room.waiting(records);
        Ok(Some(adopted))
    });
    adopted.unwrap_or_else(|error| {
        tracing::error!(path = %path.display(), %error, "a dead process's journal cannot be read");
        None
    })
}
