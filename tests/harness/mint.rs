//! Coins for tests, made by the built `hashicoin-mint`.
//!
//! The key is the one that the coin's own test data are signed with, version 2 of `crates/coin/testdata/keys.json`; its seed is no secret. So every token of
//! those data means in front of a real server what it means there.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tempfile::TempDir;

use super::artifacts::{program, source};
use super::process::run;

/// The campaign of the tests: that of `examples/campaign.json`, without a log of the coins that are issued where a test spends coins that nobody announced.
pub const CAMPAIGN: &str = "hashiconf-2020";

/// A PKCS#8 document around a 32-byte Ed25519 seed (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A mint with its key and the coins it made.
pub struct Mint {
    directory: TempDir,
}

/// A coin, in both of its forms.
#[derive(Clone, Debug)]
pub struct Coin {
    pub txt: String,
    pub token: String,
}

impl Coin {
    /// The value of the `Authorization` header.
    pub fn header(&self) -> String {
        format!("Coin {}", self.token)
    }
}

impl Mint {
    pub fn new() -> Mint {
        Mint::with_seed(2)
    }

    /// Somebody else's mint: its key says that it is version 2 as well.
    pub fn stranger() -> Mint {
        Mint::with_seed(99)
    }

    fn with_seed(seed: u8) -> Mint {
        let directory = TempDir::new().unwrap();
        let document = STANDARD.encode([&PKCS8_PREFIX[..], &[seed; 32]].concat());
        let mut file = OpenOptions::new();
        let mut file = file
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(directory.path().join("key.pem"))
            .unwrap();
        write!(
            file,
            "-----BEGIN PRIVATE KEY-----\n{document}\n-----END PRIVATE KEY-----\n"
        )
        .unwrap();
        Mint { directory }
    }

    /// The public keys, as Vault's JSON.
    pub fn keys() -> PathBuf {
        source("crates/coin/testdata/keys.json")
    }

    /// The public keys, as they stand in the tests' bootstrap.
    pub fn keys_in_one_line() -> String {
        fs::read_to_string(Mint::keys()).unwrap().replace('\n', "")
    }

    /// Mints coins of the tests' campaign into a directory; the name is their issuance.
    pub fn mint_directory(&self, issuance: &str, count: usize) -> PathBuf {
        self.mint_for(CAMPAIGN, issuance, count)
    }

    /// Mints coins of any campaign.
    pub fn mint_for(&self, campaign: &str, issuance: &str, count: usize) -> PathBuf {
        let out = self.directory.path().join(issuance);
        let mut command = Command::new(program("hashicoin-mint"));
        command.args([
            "mint",
            "--key-version",
            "2",
            "--expires",
            "2030-01-01T00:00:00Z",
            "--campaign",
            campaign,
        ]);
        command.args(["--issuance-id", issuance, "--count", &count.to_string()]);
        command
            .arg("--key")
            .arg(self.directory.path().join("key.pem"))
            .arg("--out")
            .arg(&out);
        let ended = run(&mut command);
        assert_eq!(ended.code(), 0, "{ended:?}");
        out
    }

    /// Mints coins of the tests' campaign into a directory, and has the ledger told of them.
    pub fn mint_and_tell(&self, issuance: &str, count: usize, redis: &str) -> Vec<Coin> {
        let out = self.directory.path().join(issuance);
        let mut command = self.command(issuance, count);
        let ended = run(command.arg("--out").arg(&out).args(["--ledger-redis", redis]));
        assert_eq!(ended.code(), 0, "{ended:?}");
        read_coins(&out)
    }

    /// Mints coins of the tests' campaign into the pool in Redis.
    pub fn mint_into_pool(&self, issuance: &str, count: usize, redis: &str) {
        let ended = run(self.command(issuance, count).args(["--pool-redis", redis]));
        assert_eq!(ended.code(), 0, "{ended:?}");
    }

    fn command(&self, issuance: &str, count: usize) -> Command {
        let mut command = Command::new(program("hashicoin-mint"));
        command.args(["mint", "--key-version", "2", "--expires", "2030-01-01T00:00:00Z"]);
        command.args([
            "--campaign",
            CAMPAIGN,
            "--issuance-id",
            issuance,
            "--count",
            &count.to_string(),
        ]);
        command.arg("--key").arg(self.directory.path().join("key.pem"));
        command
    }

    /// Mints coins and reads them.
    pub fn coins(&self, issuance: &str, count: usize) -> Vec<Coin> {
        read_coins(&self.mint_directory(issuance, count))
    }
}

/// Reads every `*.coin.txt` of a directory, in order.
pub fn read_coins(directory: &std::path::Path) -> Vec<Coin> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".coin.txt"));
    paths.sort();
    let read = |path: &PathBuf| {
        let txt = fs::read_to_string(path).unwrap();
        Coin {
            token: token(&txt),
            txt,
        }
    };
    paths.iter().map(read).collect()
}

/// A token of the coin's test data.
pub fn testdata_token(name: &str) -> String {
    let text = fs::read_to_string(source(&format!("crates/coin/testdata/tokens/{name}.txt"))).unwrap();
    text.split_once("\n\n").unwrap().1.trim_end().to_owned()
}

/// The token of a `coin.txt`.
fn token(txt: &str) -> String {
    let payload = &txt[txt.find("hashicoin/coin/v1\n").unwrap()..];
    let (payload, rest) = payload.split_at(payload.find("Z\n").unwrap() + 2);
    let (_, signature) = rest.split_once("vault:v").unwrap();
    let (version, signature) = signature.trim_end().split_once(':').unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    format!(
        "{}.{version}.{}",
        URL_SAFE_NO_PAD.encode(payload),
        URL_SAFE_NO_PAD.encode(signature)
    )
}
