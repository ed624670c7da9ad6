//! The folder that holds everything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use llmgw_keys::{AdminKey, KeyHash, KeyText, Pepper};
use llmgw_secrets_seal::MasterKeys;
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
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let lock = open_private(&path.join("llmgw.lock"), false).map_err(failed)?;
        let alone = lock.try_lock().is_ok();
        Ok(Self {
            path: path.to_owned(),
            _lock: alone.then_some(lock),
            shared: !alone,
        })
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

    /// The master keys that secrets given to the administration are sealed under; the first start makes one.
    pub(crate) fn master_keys(&self, entropy: &dyn Entropy) -> Result<MasterKeys, String> {
        let path = self.path.join("master_keys");
        let text = self.read_or_make(&path, || BASE64.encode(random::<32>(entropy)))?;
        MasterKeys::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The admin key, and its text when it was made just now. Only its hash is kept, under the newest pepper
    /// of that time. `anew` replaces the one that is there.
    pub(crate) fn admin_key(
        &self,
        peppers: Vec<Pepper>,
        entropy: &dyn Entropy,
        anew: bool,
    ) -> Result<(AdminKey, Option<KeyText>), String> {
        let path = self.path.join("admin_key.hash");
        let text = KeyText::generate(random(entropy));
        let newest = peppers.first().ok_or("there is no pepper")?;
        let ours = hex(newest.hash(&text).as_bytes());
        if anew {
            self.replace(&path, &ours)
                .map_err(|error| format!("cannot replace {}: {error}", path.display()))?;
        }
        let kept = self.read_or_make(&path, || ours.clone())?;
        let hash = unhex(kept.trim()).ok_or_else(|| {
            format!(
                "{} is damaged: remove it and start with --new-admin-key",
                path.display()
            )
        })?;
        let made = (kept.trim() == ours).then_some(text);
        Ok((AdminKey::new(peppers, KeyHash::from_bytes(hash)), made))
    }

    /// Removes the admin key, which nobody saw; the next start makes another.
    pub(crate) fn forget_admin_key(&self) {
        // Where it cannot be removed, `--new-admin-key` replaces it.
        let _ = fs::remove_file(self.path.join("admin_key.hash"));
    }

    // Of two processes that start at the same time, one makes the file and both read it.
    fn read_or_make(&self, path: &Path, make: impl FnOnce() -> String) -> Result<String, String> {
        let failed = |error: io::Error| format!("cannot use {}: {error}", path.display());
        if !path.exists() {
            self.make(path, &make()).map_err(failed)?;
        }
        fs::read_to_string(path).map_err(failed)
    }

    // Leaves a file that is there already.
    fn make(&self, path: &Path, line: &str) -> io::Result<()> {
        let draft = self.draft(path, line)?;
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.sync(),
        }
    }

    fn replace(&self, path: &Path, line: &str) -> io::Result<()> {
        fs::rename(self.draft(path, line)?, path)?;
        self.sync()
    }

    fn draft(&self, path: &Path, line: &str) -> io::Result<PathBuf> {
        let name = path.file_name().unwrap_or_default().display();
        let draft = self.path.join(format!(".{name}.{}", std::process::id()));
        let mut file = open_private(&draft, true)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()?;
        Ok(draft)
    }

    // A name is safe against a power cut only when its folder is: a lost pepper would take all keys with it.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

fn open_private(path: &Path, empty: bool) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(empty)
        .mode(0o600)
        .open(path)
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    // Other bits each time.
    #[derive(Default)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        }
    }

    #[test]
    fn the_admin_key_is_made_once_and_outlives_a_new_pepper() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let entropy = Counting::default();
        let peppers = || data.peppers(&entropy).unwrap();
        let (_, made) = data.admin_key(peppers(), &entropy, false).unwrap();
        let text = made.unwrap();
        let again = |anew| data.admin_key(peppers(), &entropy, anew).unwrap();
        assert!(again(false).0.matches(text.expose()) && again(false).1.is_none());

        let old = fs::read_to_string(folder.path().join("pepper")).unwrap();
        fs::write(folder.path().join("pepper"), format!("{}\n{old}", "n".repeat(32))).unwrap();
        assert_eq!(peppers().len(), 2);
        assert!(again(false).0.matches(text.expose()));

        let (key, made) = again(true);
        assert!(key.matches(made.unwrap().expose()) && !key.matches(text.expose()));
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 3, "lock, pepper and hash; no draft is left");
    }

    #[test]
    fn a_file_that_another_process_made_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let path = folder.path().join("x");
        let asked = Cell::new(0);
        let overtaken = || {
            asked.set(asked.get() + 1);
            fs::write(&path, "theirs").unwrap();
            "ours".to_owned()
        };
        assert_eq!(data.read_or_make(&path, overtaken).unwrap(), "theirs");
        assert_eq!(asked.get(), 1);
    }
}
