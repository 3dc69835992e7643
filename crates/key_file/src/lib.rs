//! Ed25519 private keys in files: PKCS#8 PEM, readable by their owner alone.
//!
//! A crate of its own, so that who depends on it is who may hold a private key. Nothing here prints one, and none is put into an error.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use ed25519_compact::{KeyPair, Seed};
use service::Failure;

/// Far above any PKCS#8 Ed25519 file, so that a wrong path does not pull a large file into memory.
const KEY_FILE_BYTES_MAX: u64 = 4096;

/// Whoever may do anything at all with the file besides its owner.
const MODE_GROUP_AND_OTHERS: u32 = 0o077;

/// Makes a new key and writes it, mode 0600, durable before this returns.
///
/// # Errors
///
/// When the file exists already, whatever it holds, or cannot be written.
pub fn create(path: &Path) -> Result<(), Failure> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::CouldNot(format!("the system gave no random bytes: {error}")))?;
    let pem = KeyPair::from_seed(Seed::new(seed)).sk.to_pem();
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::Refused(format!(
                "{} exists, and a key is never overwritten: choose another name",
                path.display()
            )));
        }
        other => other.map_err(|error| Failure::io("create", path, &error))?,
    };
    file.write_all(pem.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::io("write", path, &error))
}

/// Reads a key file.
///
/// # Errors
///
/// When it cannot be read, when anybody but its owner may read or change it, or when it is no Ed25519 key.
pub fn read(path: &Path) -> Result<KeyPair, Failure> {
    let file = File::open(path).map_err(|error| Failure::io("open the key file", path, &error))?;
    // The opened file is asked, not the path: a path can be swapped between the two.
    let metadata = file.metadata().map_err(|error| Failure::io("inspect", path, &error))?;
    if metadata.mode() & MODE_GROUP_AND_OTHERS != 0 {
        return Err(Failure::Refused(format!(
            "{path} is open to others than its owner (mode {mode:04o}): run `chmod 600 {path}`, and make a new key if somebody may have read it",
            path = path.display(),
            mode = metadata.mode() & 0o7777,
        )));
    }
    let mut pem = String::new();
    file.take(KEY_FILE_BYTES_MAX)
        .read_to_string(&mut pem)
        .ok()
        .and_then(|_| KeyPair::from_pem(&pem).ok())
        .ok_or_else(|| {
            Failure::Refused(format!(
                "{} is not an Ed25519 private key in PKCS#8 PEM: make one with `hashicoin-mint keygen --out FILE`",
                path.display()
            ))
        })
}
