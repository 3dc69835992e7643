//! The public keys that coins are held to, read again whenever their file has changed: this is how a rotation reaches a running program.
//!
//! A file that cannot be used changes nothing. The keys that were read last stay in force, the log says what is wrong, and [`Keys::is_stale`] says it to
//! whoever watches: a rotation that failed must not turn good coins away, nor stay unseen.
//!
//! Whoever changes the file replaces it (writes another and renames it), so that nobody reads half of one.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use coin::{Keyring, KeyringError};

/// The keys in force; cheap to clone, and clones share what one of them has read.
#[derive(Clone)]
pub struct Keys(Source);

#[derive(Clone)]
enum Source {
    /// Given once and for all.
    Fixed(Arc<Keyring>),
    File(Arc<Mutex<File>>),
}

/// A file of keys, and what was last read from it.
struct File {
    path: PathBuf,
    /// Versions below do not count, whatever the file says.
    min_version: u32,
    keyring: Arc<Keyring>,
    /// The state of the file that `keyring` was read from.
    read: Stamp,
    /// Why the file as it is now cannot be used.
    mistake: Option<String>,
}

/// Tells one state of a file from another without reading it. Every write and every replacement changes it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    changed_s: i64,
    changed_ns: i64,
    bytes: u64,
}

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read.
    #[error("could not read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// It holds no keys that can be used.
    #[error("the keys in {} cannot be used: {source}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Every mistake.
        source: KeyringError,
    },
}

impl Keys {
    /// Reads the keys of a file in Vault's JSON; versions below `min_version` do not count.
    ///
    /// # Errors
    ///
    /// [`KeysError`].
    pub fn open(path: &Path, min_version: u32) -> Result<Keys, KeysError> {
        let (read, keyring) = read(path, min_version)?;
        Ok(Keys(Source::File(Arc::new(Mutex::new(File {
            path: path.to_owned(),
            min_version,
            keyring: Arc::new(keyring),
            read,
            mistake: None,
        })))))
    }

    /// The keys in force now. Looks at the file first, which costs one system call as long as it is the same.
    pub fn current(&self) -> Arc<Keyring> {
        match &self.0 {
            Source::Fixed(keyring) => Arc::clone(keyring),
            Source::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.refresh();
                Arc::clone(&file.keyring)
            }
        }
    }

    /// Whether the file as it is now cannot be used, so that older keys stay in force.
    pub fn is_stale(&self) -> bool {
        match &self.0 {
            Source::Fixed(_) => false,
            Source::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.refresh();
                file.mistake.is_some()
            }
        }
    }
}

impl From<Keyring> for Keys {
    fn from(keyring: Keyring) -> Keys {
        Keys(Source::Fixed(Arc::new(keyring)))
    }
}

impl File {
    fn refresh(&mut self) {
        // While the file is bad it is read every time: it may have been seen half written, and finished within the same tick of the clock.
        if self.mistake.is_none() && stamp(&self.path).is_ok_and(|stamp| stamp == self.read) {
            return;
        }
        match read(&self.path, self.min_version) {
            Ok((stamp, keyring)) => {
                if self.mistake.is_some() || keyring != *self.keyring {
                    let (min, max) = (keyring.min_version(), keyring.max_version());
                    tracing::info!(min, max, file = %self.path.display(), "the keys were read again");
                }
                self.keyring = Arc::new(keyring);
                self.read = stamp;
                self.mistake = None;
            }
            Err(error) => {
                let mistake = error.to_string();
                // Once, not with every coin.
                if self.mistake.as_deref() != Some(&mistake) {
                    tracing::error!(mistake, "the keys were not read again; those read last stay in force");
                }
                self.mistake = Some(mistake);
            }
        }
    }
}

/// The stamp is taken first: a change while the file is read is seen the next time.
fn read(path: &Path, min_version: u32) -> Result<(Stamp, Keyring), KeysError> {
    let failed = |source| KeysError::Read {
        path: path.to_owned(),
        source,
    };
    let stamp = stamp(path).map_err(failed)?;
    let text = fs::read(path).map_err(failed)?;
    let keyring = Keyring::from_vault_json(&text).and_then(|keyring| keyring.with_min_version(min_version));
    let keyring = keyring.map_err(|source| KeysError::Wrong {
        path: path.to_owned(),
        source,
    })?;
    Ok((stamp, keyring))
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = fs::metadata(path)?;
    Ok(Stamp {
        inode: metadata.ino(),
        changed_s: metadata.ctime(),
        changed_ns: metadata.ctime_nsec(),
        bytes: metadata.size(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::{Keys, KeysError};

    /// The shipped test keys with only these versions.
    fn keys(versions: &[&str]) -> Value {
        let all: Value = serde_json::from_slice(include_bytes!("../../coin/testdata/keys.json")).unwrap();
        let data = all.get("data").unwrap_or(&all);
        let chosen: serde_json::Map<String, Value> = versions
            .iter()
            .map(|version| ((*version).to_owned(), data["keys"][version].clone()))
            .collect();
        json!({"type": "ed25519", "keys": chosen})
    }

    /// As a careful writer does it.
    fn replace(path: &Path, text: &str) {
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    fn versions(keys: &Keys) -> Vec<u32> {
        keys.current().versions().collect()
    }

    #[test]
    fn a_changed_file_is_read_again_by_every_clone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        replace(&path, &keys(&["1"]).to_string());
        let one = Keys::open(&path, 1).unwrap();
        let other = one.clone();
        assert_eq!(versions(&one), [1]);
        replace(&path, &keys(&["1", "2"]).to_string());
        assert_eq!((versions(&one), versions(&other)), (vec![1, 2], vec![1, 2]));
        // In place, too.
        fs::write(&path, keys(&["2"]).to_string()).unwrap();
        assert_eq!(versions(&other), [2]);
    }

    #[test]
    fn a_file_that_cannot_be_used_changes_nothing_and_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        replace(&path, &keys(&["1"]).to_string());
        let one = Keys::open(&path, 1).unwrap();
        let spoilers: [&dyn Fn(); 3] = [&|| replace(&path, "{"), &|| replace(&path, r#"{"keys": {}}"#), &|| {
            fs::remove_file(&path).unwrap()
        }];
        for spoil in spoilers {
            spoil();
            assert_eq!((versions(&one), one.is_stale()), (vec![1], true));
        }
        replace(&path, &keys(&["2"]).to_string());
        assert_eq!((versions(&one), one.is_stale()), (vec![2], false));
    }

    #[test]
    fn the_minimum_holds_for_every_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        replace(&path, &keys(&["1", "2"]).to_string());
        let one = Keys::open(&path, 2).unwrap();
        assert_eq!(one.current().min_version(), 2);
        replace(&path, &keys(&["1"]).to_string());
        assert!(one.is_stale());
        assert_eq!(one.current().max_version(), 2);
        assert!(matches!(Keys::open(&path, 2), Err(KeysError::Wrong { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(Keys::open(&path, 2), Err(KeysError::Read { .. })));
    }
}
