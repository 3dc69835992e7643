//! A log to be published: real coins, real signatures, real tiles, in a directory as `hashicoin export` writes it. A fraud changes the draft before it is
//! published, and then all of it fits together; or a file afterwards, and then it does not.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::{Campaign, Coin, PublicKey, Serial, SignedCoin, Timestamp};
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Value, json};
use tlog::{Algorithm, Checkpoint, Hash, Note, Tree, TreeHead, VerifierKey, bundle, bundles, cosigned_message, tiles};
use vote::{CampaignFile, IssuedEntry, LogEntry, LogInfo, Tally, Totals, Vote};

/// The campaign of every draft.
const CAMPAIGN: &str = r#"{"campaign":"c","donation":{"currency":"USD","minor_units":1000003},"charities":[
    {"id":"a","name":"A","about":"A."},{"id":"b","name":"B","about":"B."},{"id":"d","name":"D","about":"D."}]}"#;

/// When every vote is counted.
const COUNTED: &str = "2026-11-23T20:00:00Z";

/// When every witness signs, in seconds since 1970.
const COSIGNED: u64 = 1_795_464_000;

/// A log that is not published yet.
#[derive(Clone)]
pub struct Draft {
    /// The campaign file.
    pub campaign: CampaignFile,
    /// Signs checkpoints.
    pub log_key: KeyPair,
    /// Sign checkpoints besides.
    pub witnesses: Vec<KeyPair>,
    /// Under which name the log signs.
    pub origin: String,
    /// The entries' bytes.
    pub entries: Vec<Vec<u8>>,
    /// At which sizes there is a checkpoint; the last is the latest.
    pub checkpoints: Vec<usize>,
    /// The entries of the log of minted coins, if there is one; it has one checkpoint.
    pub issued: Option<Vec<Vec<u8>>>,
    /// The tally, if it is another than follows from the entries.
    pub tally: Option<Value>,
}

/// A key pair out of one byte.
pub fn key_pair(seed: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([seed; 32]))
}

/// The key that signed the coins of this version.
pub fn coin_key(version: u32) -> KeyPair {
    key_pair(100 + u8::try_from(version).unwrap())
}

/// A log's key as others have it.
pub fn verifier_key(origin: &str, key: &KeyPair) -> VerifierKey {
    VerifierKey::new(origin, Algorithm::Ed25519, PublicKey::from_bytes(*key.pk).unwrap()).unwrap()
}

/// A witness's key as others have it.
pub fn witness_key(key: &KeyPair) -> VerifierKey {
    let public_key = PublicKey::from_bytes(*key.pk).unwrap();
    VerifierKey::new("witness.example", Algorithm::CosignatureV1, public_key).unwrap()
}

/// Vault's JSON with the coins' keys of two versions.
pub fn coin_keys() -> Value {
    let key = |version| json!({"public_key": STANDARD.encode(*coin_key(version).pk)});
    json!({"type": "ed25519", "keys": {"1": key(1), "2": key(2)}})
}

/// A coin that the key of this version signed.
pub fn coin(number: usize, version: u32, change: impl FnOnce(&mut Coin)) -> SignedCoin {
    let mut serial = [0; 16];
    serial[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
    let mut coin = Coin {
        campaign: Campaign::parse("c").unwrap(),
        serial: Serial::from_bytes(serial),
        expires: Timestamp::parse("2030-01-01T00:00:00Z").unwrap(),
    };
    change(&mut coin);
    let signature = *coin_key(version).sk.sign(coin.to_signed_bytes(), None);
    SignedCoin {
        coin,
        key_version: version,
        signature,
    }
}

impl Draft {
    /// A log of so many good votes.
    pub fn new(votes: usize) -> Draft {
        let campaign = CampaignFile::parse(CAMPAIGN.as_bytes()).unwrap();
        let earlier = [1, 100, 256, 300, 512].into_iter().filter(|size| *size < votes);
        let draft = Draft {
            campaign,
            log_key: key_pair(1),
            witnesses: vec![],
            origin: "hashicoin/c".to_owned(),
            entries: vec![],
            checkpoints: earlier.chain([votes]).collect(),
            issued: None,
            tally: None,
        };
        let entries = (0..votes).map(|number| draft.entry(number, coin(number, 1 + u32::from(number >= 300), |_| {})));
        Draft {
            entries: entries.collect(),
            ..draft.clone()
        }
    }

    /// The same, of a campaign that logs the coins that it issues: every coin is in that log, with some that nobody spent.
    pub fn with_issued(votes: usize) -> Draft {
        let issued = (0..votes + 10).map(|number| {
            let entry = IssuedEntry {
                nullifier: vote::Nullifier::of(&coin(number, 1, |_| {}).coin.serial),
                issued_at: Timestamp::parse(COUNTED).unwrap(),
            };
            entry.to_text().into_bytes()
        });
        let campaign = CAMPAIGN.replacen('{', "{\"issuance_log\":true,", 1);
        Draft {
            campaign: CampaignFile::parse(campaign.as_bytes()).unwrap(),
            issued: Some(issued.collect()),
            ..Draft::new(votes)
        }
    }

    /// The entry of a coin's vote.
    pub fn entry(&self, number: usize, coin: SignedCoin) -> Vec<u8> {
        let weights = [vec![1, 0, 0], vec![2, 1, 0], vec![1, 1, 1], vec![0, 0, 1]];
        let entry = LogEntry {
            coin,
            vote: Vote::from_stored(weights[number % 4].clone(), self.campaign.charities()).unwrap(),
            counted_at: Timestamp::parse(COUNTED).unwrap(),
        };
        entry.to_text().into_bytes()
    }

    /// The tally that follows from the first entries, as far as they can be read.
    pub fn tally_of(&self, votes: usize) -> Value {
        let mut totals = Totals::zero(self.campaign.charities());
        for entry in &self.entries[..votes] {
            if let Some(entry) = LogEntry::parse(entry, self.campaign.charities()) {
                totals.add(&entry.vote.units()).unwrap();
            }
        }
        Tally::new(&self.campaign, &totals).to_json(&self.campaign)
    }

    /// The log's key as others have it.
    pub fn verifier_key(&self) -> VerifierKey {
        verifier_key(&self.origin, &self.log_key)
    }

    /// A checkpoint of this head, signed.
    pub fn sign(&self, origin: &str, head: TreeHead) -> String {
        let key = verifier_key(origin, &self.log_key);
        let checkpoint = Checkpoint::new(origin, head).unwrap();
        let mut note = Note::new(checkpoint.to_string()).unwrap();
        let signature = *self.log_key.sk.sign(note.text(), None);
        note.add_signature(&key, &signature).unwrap();
        for witness in &self.witnesses {
            let message = cosigned_message(&checkpoint, COSIGNED);
            let signature = *witness.sk.sign(message, None);
            note.add_cosignature(&witness_key(witness), COSIGNED, &signature)
                .unwrap();
        }
        note.to_string()
    }

    /// The checkpoint of the first entries.
    pub fn checkpoint(&self, size: usize) -> String {
        self.sign(&self.origin, head(&self.entries[..size]))
    }

    /// Writes everything.
    pub fn publish(&self, root: &Path) {
        let log = root.join("v1/log");
        let issued_origin = format!("{}/issued", self.origin);
        let info = LogInfo {
            campaign: self.campaign.clone(),
            verifier_keys: vec![self.verifier_key().to_string()],
            witness_policy: None,
            coin_keys: coin_keys(),
        };
        write(&log.join("log.json"), info.to_json().to_string());
        self.publish_log(&log, &self.origin, &self.entries, &self.checkpoints);
        if let Some(issued) = &self.issued {
            self.publish_log(&root.join("v1/issued"), &issued_origin, issued, &[issued.len()]);
        }
        let votes = self.checkpoints.last().copied().unwrap_or(0);
        let tally = self.tally.clone().unwrap_or_else(|| self.tally_of(votes));
        write(&root.join("v1/tally"), tally.to_string());
    }

    fn publish_log(&self, root: &Path, origin: &str, entries: &[Vec<u8>], checkpoints: &[usize]) {
        let size = checkpoints.last().copied().unwrap_or(0);
        let leaves: Vec<Hash> = entries[..size].iter().map(|entry| Hash::of_leaf(entry)).collect();
        let (mut tree, mut notes) = (Tree::new(), Vec::new());
        for checkpoint in checkpoints {
            let from = usize::try_from(tree.size()).unwrap();
            for tile in tree.append(&leaves[from..*checkpoint]).unwrap() {
                // Partial tiles of earlier sizes are not needed any more.
                if tiles(0, leaves.len().try_into().unwrap()).any(|id| id == tile.id()) {
                    write(&root.join(tile.id().to_string()), tile.to_bytes());
                }
            }
            notes.push(self.sign(origin, tree.head()));
        }
        for id in bundles(0, tree.size()) {
            let first = usize::try_from(id.index()).unwrap() * 256;
            let mut bytes = Vec::new();
            for entry in &entries[first..first + usize::from(id.width())] {
                bundle::push(&mut bytes, entry).unwrap();
            }
            write(&root.join(id.to_string()), bytes);
        }
        if let Some(latest) = notes.last() {
            write(&root.join("checkpoint"), latest);
        }
        write(
            &root.join("checkpoints"),
            json!({"checkpoints": notes, "next": null}).to_string(),
        );
    }
}

/// The head of the tree over these entries.
pub fn head(entries: &[Vec<u8>]) -> TreeHead {
    let mut tree = Tree::new();
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
    tree.append(&leaves).unwrap();
    tree.head()
}

/// Writes a file, and the directories that it is in.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
