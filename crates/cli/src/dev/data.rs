//! The directory that everything lives in: key, coins, keyring, ledger, configuration, logs.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use service::Failure;
use tempfile::TempDir;

/// A directory of one run; a temporary one is removed when this is dropped.
pub struct Data {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl Data {
    /// Makes the directory that was named, or a temporary one. For its owner alone: coins and a key will be in it.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or there is something in it: each run is a campaign of its own.
    pub fn create(named: Option<&Path>) -> Result<Data, Failure> {
        let Some(path) = named else {
            let temporary = TempDir::with_prefix("hashicoin-dev-")
                .map_err(|error| Failure::CouldNot(format!("could not make a temporary directory: {error}")))?;
            return Ok(Data {
                path: temporary.path().to_owned(),
                _temporary: Some(temporary),
            });
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| Failure::io("create the directory", path, &error))?;
        let mut entries = fs::read_dir(path).map_err(|error| Failure::io("open the directory", path, &error))?;
        if entries.next().is_some() {
            return Err(Failure::Refused(format!(
                "{} is not empty, and each run is a campaign of its own: name another directory",
                path.display()
            )));
        }
        let path = path
            .canonicalize()
            .map_err(|error| Failure::io("find the directory", path, &error))?;
        Ok(Data { path, _temporary: None })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A place in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The public keys, in Vault's JSON.
    pub fn keys(&self) -> PathBuf {
        self.join("keys.json")
    }

    /// The directory of coins to hand out.
    pub fn coins(&self) -> PathBuf {
        self.join("coins")
    }

    /// Writes a file.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.join(name);
        fs::write(&path, text).map_err(|error| Failure::io("write", &path, &error))?;
        Ok(path)
    }
}
