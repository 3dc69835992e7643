//! The largest checkpoint that was ever signed, in a file of its own: the signer's memory, which no backup of the store takes back.
//!
//! The file holds the signed note. It is replaced as a whole, and is durable before anybody else sees the checkpoint.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Far above any checkpoint, so that a wrong path does not pull a large file into memory.
const BYTES_MAX: u64 = 64 * 1024;

/// The file.
pub(crate) struct SignedHead(PathBuf);

impl SignedHead {
    pub(crate) fn at(path: &Path) -> SignedHead {
        SignedHead(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What is in it; `None` when there is no such file.
    pub(crate) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::metadata(&self.0) {
            Ok(metadata) if metadata.len() > BYTES_MAX => Err(io::Error::other("it is too large to be a checkpoint")),
            Ok(_) => fs::read(&self.0).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces it, durably: after a crash at any moment there is the old one or the new one.
    pub(crate) fn write(&self, note: &str) -> io::Result<()> {
        let mut new = self.0.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        let mut options = File::options();
        let mut file = options.write(true).create(true).truncate(true).mode(0o644).open(&new)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.0)?;
        // The name is durable only when its directory is.
        let directory = self.0.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::SignedHead;

    #[test]
    fn it_is_replaced_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let file = SignedHead::at(&directory.path().join("signed"));
        assert_eq!(file.read().unwrap(), None);
        // What a crash left half written is written over.
        fs::write(directory.path().join("signed.new"), "half of a longer one").unwrap();
        for note in ["one", "two"] {
            file.write(note).unwrap();
            assert_eq!(file.read().unwrap().as_deref(), Some(note.as_bytes()));
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_missing() {
        let directory = tempfile::tempdir().unwrap();
        assert!(SignedHead::at(directory.path()).read().is_err());
        let large = directory.path().join("large");
        fs::write(&large, vec![b'a'; 65 * 1024]).unwrap();
        assert!(SignedHead::at(&large).read().is_err());
        assert!(SignedHead::at(&large.join("below")).read().is_err());
    }
}
