//! The signed log: what a checkpoint covers has a receipt for ever, and no store but the one that was signed is signed on.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use coin::{SignedCoin, Timestamp};
use ledger::{Counted, KeptCheckpoint, Ledger, LedgerError, LogKey, LogKind, Options, Outcome, Signing, SigningError};
use serde_json::json;
use tlog::{Hash, Note, Policy, TileId, TlogProof, VerifierKey};
use vote::LogEntry;

use crate::common::{Place, campaign, keyring, token, vote};

pub const ORIGIN: &str = "hashicoin/hashiconf-2020";

impl Place {
    /// Beside the ledger.
    fn beside(&self, suffix: &str) -> PathBuf {
        self.path().with_extension(suffix)
    }

    /// A new ledger with a key for its log.
    fn with_signed_ledger() -> Place {
        let place = Place::with_ledger();
        key_file::create(&place.beside("log-key")).unwrap();
        place
    }

    fn options_to_sign(&self) -> Options {
        let key = LogKey::in_file(&self.beside("log-key"), ORIGIN).unwrap();
        Options {
            signing: Some(Signing {
                key: Arc::new(key),
                signed_head: self.beside("signed"),
                witnesses: None,
            }),
            ..self.clock.options()
        }
    }

    fn open_to_sign(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.path(), &campaign(), keyring(), self.options_to_sign())
    }

    /// Why it does not open.
    fn refusal(&self) -> SigningError {
        match self.open_to_sign().err() {
            Some(LedgerError::Signing(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

pub async fn count(ledger: &Ledger, number: u64) -> Counted {
    match ledger.submit(token(number), vote(json!({"a": 1}))).await.unwrap() {
        Outcome::Counted(counted) | Outcome::Repeated(counted) => counted,
        other => panic!("{other:?}"),
    }
}

/// The first checkpoint that covers so many votes.
pub async fn covering(ledger: &Ledger, votes: u64) -> Arc<KeptCheckpoint> {
    let mut published = ledger.checkpoint(LogKind::Votes).unwrap();
    let covers = |last: &Option<Arc<KeptCheckpoint>>| last.as_ref().is_some_and(|last| last.size >= votes);
    let found = published.wait_for(covers).await.unwrap().clone();
    found.unwrap()
}

/// Whom a stranger trusts who has only what the ledger says its keys are.
pub fn policy(ledger: &Ledger) -> Policy {
    let keys = ledger.verifier_keys();
    let keys = keys.iter().map(|key| VerifierKey::parse(key).unwrap()).collect();
    Policy::new(ORIGIN, keys)
}

#[tokio::test]
async fn a_log_without_votes_is_signed_at_once() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    let checkpoint = covering(&ledger, 0).await;
    let note = Note::parse(checkpoint.note.as_bytes()).unwrap();
    let opened = policy(&ledger).open(&note).unwrap();
    assert_eq!((opened.head().size, opened.head().root), (0, Hash::of_nothing()));
}

#[tokio::test]
async fn a_receipt_proves_the_vote_offline_and_stays_the_same() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    let mut receipts = Vec::new();
    for number in 0..3 {
        let counted = count(&ledger, number).await;
        covering(&ledger, number + 1).await;
        receipts.push((counted.clone(), ledger.receipt(&counted).unwrap().unwrap()));
    }
    ledger.drain().unwrap();
    let ledger = place.open_to_sign().unwrap();
    for number in 3..600 {
        count(&ledger, number).await;
    }
    covering(&ledger, 600).await;
    let (policy, charities) = (policy(&ledger), campaign().charities().clone());
    for (counted, receipt) in &receipts {
        assert_eq!(ledger.receipt(counted).unwrap().as_ref(), Some(receipt));
        let proof = TlogProof::parse(receipt.as_bytes()).unwrap();
        proof.verify(&proof.extra, &policy).unwrap();
        let entry = LogEntry::parse(&proof.extra, &charities).unwrap();
        assert_eq!((proof.index, entry), (counted.index, counted.log_entry()));
    }
    // Each vote of many has one.
    for index in [3, 255, 256, 257, 511, 599] {
        let nullifier = vote::Nullifier::of(&crate::common::serial(index));
        let counted = ledger.vote(&nullifier).unwrap().unwrap();
        let receipt = ledger.receipt(&counted).unwrap().unwrap();
        let proof = TlogProof::parse(receipt.as_bytes()).unwrap();
        proof.verify(counted.log_entry().to_text().as_bytes(), &policy).unwrap();
    }
}

#[tokio::test]
async fn what_is_published_is_as_wide_as_it_was_asked_for() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    for number in 0..3 {
        count(&ledger, number).await;
    }
    for (width, is_there) in [(1, true), (3, true), (4, false), (256, false)] {
        let name = if width == 256 {
            "000".to_owned()
        } else {
            format!("000.p/{width}")
        };
        let tile = ledger
            .tile(LogKind::Votes, TileId::parse(&format!("tile/0/{name}")).unwrap())
            .unwrap();
        assert_eq!(tile.as_ref().map(|tile| tile.hashes().len()), is_there.then_some(width));
        let bundle = ledger
            .bundle(
                LogKind::Votes,
                tlog::BundleId::parse(&format!("tile/entries/{name}")).unwrap(),
            )
            .unwrap();
        let entries = bundle.as_deref().map(|bundle| tlog::bundle::entries(bundle).unwrap());
        assert_eq!(entries.as_ref().map(Vec::len), is_there.then_some(width));
        let leaves = entries.map(|entries| entries.into_iter().map(Hash::of_leaf).collect::<Vec<_>>());
        assert_eq!(leaves.as_deref(), tile.as_ref().map(|tile| tile.hashes()));
    }
}

#[tokio::test]
async fn at_the_end_everything_is_signed() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    let published = ledger.checkpoint(LogKind::Votes).unwrap();
    for number in 0..20 {
        count(&ledger, number).await;
    }
    ledger.drain().unwrap();
    assert_eq!(published.borrow().as_ref().unwrap().size, 20);
    let note = fs::read_to_string(place.beside("signed")).unwrap();
    assert_eq!(note, published.borrow().as_ref().unwrap().note);
    // What was signed is in the ledger's one file, so that a copy of it is a backup.
    let copy = Place::empty();
    fs::copy(place.path(), copy.path()).unwrap();
    let kept: i64 = copy
        .sql()
        .query_row("SELECT max(size) FROM checkpoints", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 20);
}

#[tokio::test]
async fn a_store_that_lost_signed_votes_is_not_signed_on() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    count(&ledger, 0).await;
    ledger.drain().unwrap();
    let yesterday = fs::read(place.path()).unwrap();
    let ledger = place.open_to_sign().unwrap();
    count(&ledger, 1).await;
    ledger.drain().unwrap();
    let today = fs::read(place.path()).unwrap();

    fs::write(place.path(), &yesterday).unwrap();
    assert!(matches!(
        place.refusal(),
        SigningError::Behind {
            signed: 2,
            found: 1,
            ..
        }
    ));
    // As many votes again do not make it the same.
    let ledger = place.open();
    count(&ledger, 2).await;
    count(&ledger, 3).await;
    ledger.drain().unwrap();
    assert!(matches!(place.refusal(), SigningError::Forked { size: 2, .. }));
    fs::write(place.path(), &today).unwrap();
    place.open_to_sign().unwrap();
}

#[tokio::test]
async fn what_was_signed_last_must_be_known() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    count(&ledger, 0).await;
    ledger.drain().unwrap();
    let (file, moved) = (place.beside("signed"), place.beside("moved"));
    fs::rename(&file, &moved).unwrap();
    assert!(matches!(place.refusal(), SigningError::NoSignedHead { size: 1, .. }));
    let note = fs::read_to_string(&moved).unwrap();
    let another_key = Place::with_signed_ledger();
    another_key.open_to_sign().unwrap().drain().unwrap();
    let by_another_key = fs::read_to_string(another_key.beside("signed")).unwrap();
    for bad in [
        String::new(),
        note.replacen('1', "2", 1),
        note[..note.len() - 3].to_owned(),
        by_another_key,
    ] {
        fs::write(&file, &bad).unwrap();
        assert!(matches!(place.refusal(), SigningError::SignedHead { .. }), "{bad}");
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(matches!(place.refusal(), SigningError::Io { .. }));
    fs::remove_dir(&file).unwrap();
    fs::rename(&moved, &file).unwrap();
    place.open_to_sign().unwrap();
}

#[tokio::test]
async fn an_older_copy_of_what_was_signed_is_brought_up_to_the_store() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    let old = fs::read(place.beside("signed")).unwrap();
    count(&ledger, 0).await;
    ledger.drain().unwrap();
    fs::write(place.beside("signed"), old).unwrap();
    let ledger = place.open_to_sign().unwrap();
    assert_eq!(covering(&ledger, 1).await.size, 1);
    count(&ledger, 1).await;
    covering(&ledger, 2).await;
}

/// The process died after the file was written, or the store failed then.
#[tokio::test]
async fn what_was_signed_and_not_kept_is_published() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    count(&ledger, 0).await;
    ledger.drain().unwrap();
    let signed = fs::read_to_string(place.beside("signed")).unwrap();
    assert_eq!(
        place
            .sql()
            .execute("DELETE FROM checkpoints WHERE size > 0", [])
            .unwrap(),
        1
    );
    let ledger = place.open_to_sign().unwrap();
    assert_eq!(covering(&ledger, 1).await.note, signed);
    assert_eq!(ledger.checkpoints_from(LogKind::Votes, 1, 10).unwrap()[0].note, signed);
}

#[tokio::test]
async fn a_signature_in_the_store_that_nobody_made_is_not_believed() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    count(&ledger, 0).await;
    ledger.drain().unwrap();
    let changed = place.sql().execute(
        "UPDATE checkpoints SET note = replace(note, '1', '2') WHERE size = 1",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
    let refusal = place.refusal();
    assert!(matches!(refusal, SigningError::Store(_)), "{refusal:?}");
}

/// A coin is looked at as it was sent: what the log says of it can be checked with Vault's public key alone.
#[tokio::test]
async fn the_entry_has_the_coin_that_was_sent() {
    let place = Place::with_signed_ledger();
    let ledger = place.open_to_sign().unwrap();
    let counted = count(&ledger, 5).await;
    covering(&ledger, 1).await;
    let receipt = ledger.receipt(&counted).unwrap().unwrap();
    let extra = TlogProof::parse(receipt.as_bytes()).unwrap().extra;
    let entry = LogEntry::parse(&extra, campaign().charities()).unwrap();
    assert_eq!(entry.coin, SignedCoin::from_token(&token(5)).unwrap());
    let now = Timestamp::parse(crate::common::NOW).unwrap();
    coin::verify(entry.coin.to_token().as_bytes(), &keyring(), campaign().campaign(), now).unwrap();
}
