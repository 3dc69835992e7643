//! The directory that coins are minted into, and all of this program's disk discipline.
//!
//! What is promised once [`CoinDir::sync`] has returned: every coin written before it is on the disk, whole, under its name. After a
//! crash at any moment a name holds a whole coin or does not exist. Names that begin with a dot may be left behind; the next run writes
//! over them. Nothing that has a coin's name is ever written over: one mint works in a directory at a time (an advisory lock on
//! it, which ends with the process), and it looks before it writes.
//!
//! Coins are money: directory and files are for their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;
use service::Failure;

use crate::issuance::IssuanceId;

/// Where the issuance id is kept.
const ISSUANCE_ID_FILE: &str = "issuance-id";

/// A locked directory of coins.
pub struct CoinDir {
    path: PathBuf,
    handle: File,
}

impl CoinDir {
    /// Opens a directory for minting, and creates it when it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be created or opened, or another mint is at work in it.
    pub fn open(path: &Path) -> Result<CoinDir, Failure> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| Failure::io("create the directory", path, &error))?;
        let handle = File::open(path).map_err(|error| Failure::io("open the directory", path, &error))?;
        match handle.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Refused(format!(
                    "another hashicoin-mint is at work in {}: wait until it is done, then start again",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(Failure::io("lock the directory", path, &error)),
        }
        Ok(CoinDir {
            path: path.to_owned(),
            handle,
        })
    }

    /// Settles which issuance this directory belongs to, and writes that down before there is any coin in it: the id `given`, else the one
    /// that is written here, else a random one.
    ///
    /// # Errors
    ///
    /// When the directory belongs to another issuance, or holds coins and no longer says of which.
    pub fn issuance_id(&self, given: Option<&IssuanceId>) -> Result<IssuanceId, Failure> {
        let path = self.path.join(ISSUANCE_ID_FILE);
        let Some(text) = read_if_there(&path)? else {
            return self.start_issuance(&path, given);
        };
        let written = IssuanceId::parse(text.trim_end_matches('\n')).map_err(|error| {
            Failure::Refused(format!(
                "{} is damaged ({error}): restore it, or mint into another directory",
                path.display()
            ))
        })?;
        match given {
            Some(given) if *given != written => Err(Failure::Refused(format!(
                "{} belongs to issuance {}, not {}: mint into another directory",
                self.path.display(),
                written.as_str(),
                given.as_str()
            ))),
            _ => Ok(written),
        }
    }

    fn start_issuance(&self, path: &Path, given: Option<&IssuanceId>) -> Result<IssuanceId, Failure> {
        let id = match given {
            Some(given) => given.clone(),
            None if self.coin_path(0).exists() => {
                return Err(Failure::Refused(format!(
                    "{} holds coins but no file {ISSUANCE_ID_FILE}: restore it, or name the issuance with --issuance-id",
                    self.path.display()
                )));
            }
            None => IssuanceId::random()?,
        };
        self.write_whole(path, &format!("{}\n", id.as_str()))?;
        self.sync()?;
        Ok(id)
    }

    /// Where the coin at `index` belongs. Numbered from 0, with leading zeros so that a listing is in order up to a million.
    pub fn coin_path(&self, index: u32) -> PathBuf {
        self.path.join(format!("{index:06}.coin.txt"))
    }

    /// The text at the coin's place; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// When something is there that cannot be read as text.
    pub fn read_coin(&self, index: u32) -> Result<Option<String>, Failure> {
        read_if_there(&self.coin_path(index))
    }

    /// Writes the coin at `index`. The caller has seen that its place is free.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn write_coin(&self, index: u32, coin_txt: &str) -> Result<(), Failure> {
        self.write_whole(&self.coin_path(index), coin_txt)
    }

    /// Writes which request signed the coins at these indices: `request-<id>.json`, by which each is found in the signer's own log.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn write_origin(
        &self,
        request_id: &str,
        key_version: u32,
        indices: impl Iterator<Item = u32>,
    ) -> Result<(), Failure> {
        let mut ranges: Vec<[u32; 2]> = Vec::new();
        for index in indices {
            match ranges.last_mut() {
                Some([_, last]) if last.checked_add(1) == Some(index) => *last = index,
                _ => ranges.push([index, index]),
            }
        }
        let origin = json!({"request_id": request_id, "key_version": key_version, "coins": ranges});
        self.write_whole(
            &self.path.join(format!("request-{request_id}.json")),
            &format!("{origin}\n"),
        )
    }

    /// Makes the names of everything written so far durable. Once per batch: it is the batch that is reported.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), Failure> {
        self.handle
            .sync_all()
            .map_err(|error| Failure::io("sync the directory", &self.path, &error))
    }

    /// Expected system calls: openat(".NAME.tmp", O_CREAT|O_TRUNC, 0600), write, fsync, close, rename(".NAME.tmp", "NAME").
    /// The name becomes durable with [`CoinDir::sync`].
    fn write_whole(&self, path: &Path, text: &str) -> Result<(), Failure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = self.path.join(format!(".{name}.tmp"));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&temporary, path));
        written.map_err(|error| Failure::io("write", path, &error))
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("read", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::CoinDir;

    /// Two processes cannot be made to meet in a directory on purpose, so the lock is tested here.
    #[test]
    fn two_mints_do_not_work_in_one_directory() {
        let directory = tempfile::tempdir().unwrap();
        let first = CoinDir::open(directory.path()).unwrap();
        let refused = CoinDir::open(directory.path()).err().unwrap().to_string();
        assert!(refused.contains("another hashicoin-mint is at work"), "{refused}");
        drop(first);
        assert!(CoinDir::open(directory.path()).is_ok());
    }
}
