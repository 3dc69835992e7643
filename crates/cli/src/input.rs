//! What a command is given to read: a file, or standard input for `-`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use coin::{Keyring, KeyringError, SignedCoin};
use serde_json::Value;
use service::Failure;

/// Several times the longest `coin.txt`, so that a wrong path does not pull a large file into memory.
const COIN_BYTES_MAX: u64 = 4096;

/// Far above what Vault prints for as many keys as a keyring holds.
const KEYS_BYTES_MAX: u64 = 1024 * 1024;

/// Reads a `coin.txt`. The inner error says why the text is none.
///
/// # Errors
///
/// [`Failure::CouldNot`] when it cannot be read.
pub fn coin(path: &Path) -> Result<Result<SignedCoin, String>, Failure> {
    let text = match String::from_utf8(read(path, COIN_BYTES_MAX)?) {
        Ok(text) => text,
        Err(_) => return Ok(Err("this is not text; use the file exactly as it was minted".to_owned())),
    };
    Ok(SignedCoin::from_coin_txt(&text).map_err(|error| error.to_string()))
}

/// Vault's answer about a key, and what was read out of it.
pub struct Keys {
    /// The answer itself, without what Vault wraps around it.
    pub data: Value,
    /// The public keys in it.
    pub keyring: Keyring,
}

/// Reads Vault's JSON, and retires versions below a minimum. The inner error is every mistake in the JSON.
///
/// # Errors
///
/// [`Failure::CouldNot`] when it cannot be read.
pub fn keys(path: &Path, min_version: u32) -> Result<Result<Keys, KeyringError>, Failure> {
    let text = read(path, KEYS_BYTES_MAX)?;
    let keyring = Keyring::from_vault_json(&text).and_then(|keyring| keyring.with_min_version(min_version));
    Ok(keyring.map(|keyring| {
        // It was JSON a moment ago.
        let mut value: Value = serde_json::from_slice(&text).unwrap_or_default();
        let data = value.get_mut("data").map(Value::take).unwrap_or(value);
        Keys { data, keyring }
    }))
}

/// Reads a file of at most so many bytes.
///
/// # Errors
///
/// [`Failure::CouldNot`] when it cannot be read, or is longer.
pub fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let stream: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| Failure::io("open", path, &error))?)
    };
    let mut bytes = Vec::new();
    stream
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read", path, &error))?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::CouldNot(format!(
            "{} has more than {bytes_max} bytes, so it is another file than meant: check the path",
            path.display()
        )));
    }
    Ok(bytes)
}
