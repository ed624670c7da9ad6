//! The folder that holds everything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use llmgw_keys::{AdminKey, KeyHash, KeyText, Pepper};
use llmgw_types::{Entropy, random};

/// The data folder. Files in it that are not ours are left alone.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    // Held as long as this process lives; only to tell whether there is another.
    _lock: Option<File>,
    shared: bool,
}

impl DataDir {
    /// Opens the folder, and makes it where it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let failed = |error: io::Error| format!("cannot use the data folder {}: {error}", path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let lock = open_private(&path.join("llmgw.lock"), false).map_err(failed)?;
        let alone = lock.try_lock().is_ok();
        Ok(Self { path: path.to_owned(), _lock: alone.then_some(lock), shared: !alone })
    }

    /// Whether another process has it open too.
    pub(crate) const fn shared(&self) -> bool {
        self.shared
    }

    /// The store.
    pub(crate) fn store(&self) -> PathBuf {
        self.path.join("llmgw.sqlite")
    }

    /// The journal's folder.
    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// The folder of `file:` secrets.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.path.join("secrets")
    }

    /// The peppers, newest first; the first start makes one.
    pub(crate) fn peppers(&self, entropy: &dyn Entropy) -> Result<Vec<Pepper>, String> {
        let path = self.path.join("pepper");
        let text = self.read_or_make(&path, || hex(&random::<32>(entropy)))?;
        Pepper::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The admin key, and its text when it was made just now. Only its hash is kept.
    pub(crate) fn admin_key(
        &self,
        pepper: &Pepper,
        entropy: &dyn Entropy,
        anew: bool,
    ) -> Result<(AdminKey, Option<KeyText>), String> {
        let path = self.path.join("admin_key.hash");
        if anew && path.exists() {
            fs::remove_file(&path).map_err(|error| format!("cannot replace {}: {error}", path.display()))?;
        }
        let text = KeyText::generate(random(entropy));
        let ours = hex(pepper.hash(&text).as_bytes());
        let kept = self.read_or_make(&path, || ours.clone())?;
        let hash = unhex(kept.trim()).ok_or_else(|| {
            format!("{} is damaged: remove it and start with --new-admin-key", path.display())
        })?;
        let made = (kept.trim() == ours).then_some(text);
        Ok((AdminKey::new(pepper.clone(), KeyHash::from_bytes(hash)), made))
    }

    // Of two processes that start at the same time, one makes the file and both read it.
    fn read_or_make(&self, path: &Path, make: impl FnOnce() -> String) -> Result<String, String> {
        let failed = |error: io::Error| format!("cannot use {}: {error}", path.display());
        if !path.exists() {
            let draft = self.path.join(format!(".{}.{}", path.file_name().unwrap_or_default().display(), std::process::id()));
            let mut file = open_private(&draft, true).map_err(failed)?;
            file.write_all(format!("{}\n", make()).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            let linked = fs::hard_link(&draft, path);
            fs::remove_file(&draft).map_err(failed)?;
            match linked {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
                _ => {}
            }
        }
        fs::read_to_string(path).map_err(failed)
    }
}

fn open_private(path: &Path, empty: bool) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(empty).mode(0o600).open(path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
