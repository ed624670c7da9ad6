//! Folders of processes: made, locked, left, removed. Who holds the lock of a folder owns what is in it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::error::OpenError;

const LOCK: &str = "lock";
const SEGMENT: &str = "seg";

/// A folder whose lock this process holds, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// Makes a folder of our own in `dir`, and takes those that nobody holds, oldest first. While it looks, no
/// other process does: the lock of `dir` makes a folder and its lock appear as one.
pub(crate) fn take(dir: &Path) -> Result<(Folder, Vec<Folder>), OpenError> {
    private()
        .recursive(true)
        .create(dir)
        .map_err(OpenError::at("make", dir))?;
    let gate = dir.join(LOCK);
    let looking = lock_file(&gate).map_err(OpenError::at("open", &gate))?;
    looking.lock().map_err(OpenError::at("lock", &gate))?;
    let left = left_over(dir).map_err(OpenError::at("read", dir))?;
    Ok((make(dir)?, left))
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a segment; it must not be there.
    pub(crate) fn create_segment(&self, number: u64) -> io::Result<(File, PathBuf)> {
        let path = self.path.join(format!("{number:08}.{SEGMENT}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok((file, path))
    }

    /// The segments in it, oldest first.
    pub(crate) fn segments(&self) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.path()));
        let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == SEGMENT));
        paths.sort_unstable();
        Ok(paths)
    }

    /// Keeps `segment` for people to look at: beside the folders, under a name nobody reads again.
    pub(crate) fn set_aside(&self, segment: &Path) -> io::Result<PathBuf> {
        let (Some(folder), Some(name)) = (self.path.file_name(), segment.file_name()) else {
            return Err(ErrorKind::InvalidInput.into());
        };
        let name = format!("{}-{}.damaged", folder.to_string_lossy(), name.to_string_lossy());
        let path = self.path.with_file_name(name);
        fs::rename(segment, &path)?;
        Ok(path)
    }

    /// Removes the folder if nothing but the lock is in it. Says whether it is gone.
    pub(crate) fn remove_if_empty(&self) -> io::Result<bool> {
        for entry in fs::read_dir(&self.path)? {
            if entry?.file_name() != LOCK {
                return Ok(false);
            }
        }
        gone(fs::remove_file(self.path.join(LOCK)))?;
        gone(fs::remove_dir(&self.path))?;
        Ok(true)
    }
}

fn make(dir: &Path) -> Result<Folder, OpenError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the name only has to be new, and to sort by the time of the start; no record holds it"
    )]
    let path = dir.join(Uuid::now_v7().to_string());
    private().create(&path).map_err(OpenError::at("make", &path))?;
    let lock = lock_file(&path.join(LOCK)).map_err(OpenError::at("make a lock in", &path))?;
    lock.lock().map_err(OpenError::at("lock", &path))?;
    Ok(Folder { path, _lock: lock })
}

// Folders that cannot be opened (another user's, say) are left alone: they must not keep us from starting.
fn left_over(dir: &Path) -> io::Result<Vec<Folder>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let named = path.file_name().and_then(|name| name.to_str());
        if named.is_none_or(|name| Uuid::parse_str(name).is_err()) {
            continue;
        }
        match try_take(&path) {
            Ok(folder) => folders.extend(folder),
            Err(error) => tracing::warn!(path = %path.display(), %error, "a journal's folder was left alone"),
        }
    }
    folders.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(folders)
}

fn try_take(path: &Path) -> io::Result<Option<Folder>> {
    let lock = lock_file(&path.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Folder {
            path: path.to_owned(),
            _lock: lock,
        })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| {
        if error.kind() == ErrorKind::NotFound {
            Ok(())
        } else {
            Err(error)
        }
    })
}

#[cfg(test)]
mod tests;
