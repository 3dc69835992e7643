//! Vault has signed a checkpoint, and its answer is lost on the way: the signer asks again, and of each size one checkpoint is published.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Ledger, LogKey, LogKind, Options, Signing};
use servers::Vault;
use servers::proxy::{Cut, Proxy};
use tlog::{Hash, Note};
use transit::{Settings, Token};

use crate::common::{Place, campaign, keyring, root};
use crate::signing::{ORIGIN, count, covering, policy};

#[tokio::test]
async fn a_signature_whose_answer_is_lost_is_made_again_and_one_checkpoint_of_a_size_is_published() {
    let vault = Vault::start();
    let address = vault.url().trim_start_matches("http://").parse().unwrap();
    let proxy = Proxy::to_cut_at(b"/sign/hashicoin-log", address);
    let settings = Settings {
        address: format!("http://{}", proxy.address()),
        token: Token::parse(&vault.token("log-signer")),
        namespace: None,
        ca_file: None,
    };
    // So impatient that it is the signer who asks again, with what there is by then.
    let key = LogKey::in_vault(settings, Duration::ZERO, "transit", "hashicoin-log", ORIGIN).unwrap();
    let place = Place::with_ledger();
    let options = Options {
        signing: Some(Signing {
            key: Arc::new(key),
            signed_head: place.path().with_extension("signed"),
            witnesses: None,
        }),
        ..place.clock.options()
    };
    let ledger = Ledger::open(&place.path(), &campaign(), keyring(), options).unwrap();
    let mut leaves: Vec<Hash> = Vec::new();
    for number in (0..8).step_by(2) {
        proxy.cut(Cut::After);
        leaves.push(count(&ledger, number).await.leaf_hash());
        // The same tree again, or a larger one.
        if number % 4 == 0 {
            leaves.push(count(&ledger, number + 1).await.leaf_hash());
        }
        covering(&ledger, leaves.len() as u64).await;
        assert!(proxy.has_cut());
    }
    let checkpoints = ledger.checkpoints_from(LogKind::Votes, 0, 100).unwrap();
    assert!(
        checkpoints.is_sorted_by(|one, next| one.size < next.size),
        "{checkpoints:?}"
    );
    let policy = policy(&ledger);
    for checkpoint in &checkpoints {
        let note = Note::parse(checkpoint.note.as_bytes()).unwrap();
        let head = *policy.open(&note).unwrap().head();
        assert_eq!(
            (head.size, head.root),
            (checkpoint.size, root(&leaves[..checkpoint.size as usize]))
        );
    }
    let signed = vault
        .audit_log()
        .matches("\"path\":\"transit/sign/hashicoin-log\"")
        .count();
    // Each request is there twice, with its answer.
    assert!(signed / 2 >= checkpoints.len() + 4, "{signed} of {}", checkpoints.len());
    ledger.drain().unwrap();
}
