//! Taking coins into the pool from a directory of `coin.txt` files.
//!
//! All or nothing: one file that is no good coin refuses the whole directory, because a pool that silently left coins out, or took in coins that the ledger
//! will refuse, shows the mistake to voters instead of to the operator.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use coin::{Campaign, Keyring, SignedCoin, Timestamp, verify};

use super::store::{self, Store};

/// How the name of a coin's file ends. Other files in the directory are none of the pool's business.
const COIN_SUFFIX: &str = ".coin.txt";
/// Far above any `coin.txt`.
const COIN_TXT_BYTES_MAX: u64 = 4096;
/// How many mistakes are listed; the rest is counted.
const MISTAKES_LISTED_MAX: usize = 10;

/// What to take in, and what it must be good for.
pub struct Import<'a> {
    /// The directory. Files in it whose names end in `.coin.txt` are coins.
    pub dir: &'a Path,
    /// The keys that coins must be signed with.
    pub keyring: &'a Keyring,
    /// The campaign that they must be for.
    pub campaign: &'a Campaign,
    /// The time at which they must not have expired.
    pub now: Timestamp,
}

/// What was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Coins that were not in yet.
    pub new: u64,
    /// Coins that were in, or out, already.
    pub known: u64,
}

/// Why a directory was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The directory or a file in it cannot be read.
    #[error("could not read {0}: {1}")]
    Read(PathBuf, io::Error),
    /// Files that are no good coins, one sentence each.
    #[error("no coin was taken in, because {}", listed(.0))]
    Mistakes(Vec<String>),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// The pool's file failed.
    #[error("the pool's file failed: {0}")]
    Store(#[from] rusqlite::Error),
}

impl Import<'_> {
    /// Takes in every coin of the directory that is not in yet. Each gets a random place in the order of handing out.
    ///
    /// # Errors
    ///
    /// [`ImportError`]; then nothing was taken in.
    pub fn run(&self, store: &mut Store) -> Result<Imported, ImportError> {
        let mut imported = Imported { new: 0, known: 0 };
        let mut mistakes = Vec::new();
        let transaction = store.begin()?;
        for path in self.coin_files()? {
            let coin_txt = read(&path).map_err(|error| ImportError::Read(path.clone(), error))?;
            let mut mistake = |what: String| mistakes.push(format!("{}: {what}", path.display()));
            let signed = match SignedCoin::from_coin_txt(&coin_txt) {
                Ok(signed) => signed,
                Err(error) => {
                    mistake(error.to_string());
                    continue;
                }
            };
            match store::coin_txt_of(&transaction, &signed.coin.serial)? {
                // A coin that was good when it came in may have expired since: that is the hand-out's concern.
                Some(known) if known == coin_txt => imported.known += 1,
                Some(_) => mistake("the pool has another coin with this serial; a serial is minted once".to_owned()),
                None => match verify(signed.to_token().as_bytes(), self.keyring, self.campaign, self.now) {
                    Ok(_) => {
                        store::insert(&transaction, &signed, &coin_txt, random_place()?)?;
                        imported.new += 1;
                    }
                    Err(refusal) => mistake(format!("{} ({})", refusal.title(), refusal.code())),
                },
            }
        }
        if !mistakes.is_empty() {
            return Err(ImportError::Mistakes(mistakes));
        }
        transaction.commit()?;
        Ok(imported)
    }

    /// The coins' files, sorted so that mistakes are listed in an order that people can follow.
    fn coin_files(&self) -> Result<Vec<PathBuf>, ImportError> {
        let list = || -> io::Result<Vec<PathBuf>> {
            let mut paths = Vec::new();
            for entry in fs::read_dir(self.dir)? {
                let entry = entry?;
                if entry.file_name().as_encoded_bytes().ends_with(COIN_SUFFIX.as_bytes()) {
                    paths.push(entry.path());
                }
            }
            paths.sort();
            Ok(paths)
        };
        list().map_err(|error| ImportError::Read(self.dir.to_owned(), error))
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(COIN_TXT_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// A place that says nothing about when or in which order coins were minted.
fn random_place() -> Result<i64, ImportError> {
    getrandom::u64().map(u64::cast_signed).map_err(ImportError::Random)
}

fn listed(mistakes: &[String]) -> String {
    let more = mistakes.len().saturating_sub(MISTAKES_LISTED_MAX);
    let listed = mistakes
        .iter()
        .take(MISTAKES_LISTED_MAX)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    match more {
        0 => listed,
        more => format!("{listed}; and {more} more"),
    }
}
