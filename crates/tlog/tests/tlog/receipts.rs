//! Proofs that are carried away: they verify offline, in one spelling, and for nothing else.

use proptest::prelude::*;
use tlog::{Checkpoint, Hash, Note, Policy, PolicyError, ProofError, ProofPlan, TlogProof, TlogProofError};

use crate::keys::{log, witness};
use crate::notes::signed;
use crate::rfc::{Log, entry};

const ORIGIN: &str = "log.example/coins";

/// The proof for an entry of a log of this size, signed by the log and one witness.
fn proof(index: u64, size: u64) -> TlogProof {
    let book = Log::new(usize::try_from(size).unwrap());
    let plan = ProofPlan::inclusion(index, size).unwrap();
    let checkpoint = Checkpoint::new(ORIGIN, book.head(size)).unwrap();
    TlogProof {
        extra: vec![],
        index,
        hashes: plan.prove(&book.stored(plan.tiles())).unwrap(),
        checkpoint: signed(&checkpoint, &log(1), &[witness(2)]),
    }
}

fn policy() -> Policy {
    Policy::new(ORIGIN, vec![log(1).key])
        .with_witnesses(vec![witness(2).key], 1)
        .unwrap()
}

#[test]
fn a_proof_verifies_for_its_entry_alone() {
    for (index, size) in [(0, 1), (0, 2), (5, 9), (299, 300)] {
        let proof = TlogProof::parse(proof(index, size).to_string().as_bytes()).unwrap();
        let place = usize::try_from(index).unwrap();
        let checkpoint = proof.verify(&entry(place), &policy()).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.head().size), (ORIGIN, size));
        let refused = proof.verify(&entry(place + 1), &policy());
        assert_eq!(refused, Err(TlogProofError::Proof(ProofError::OtherRoot)));
    }
}

#[test]
fn a_proof_is_written_as_the_specification_has_it() {
    let mut proof = proof(1, 3);
    let [first, second] = [proof.hashes[0], proof.hashes[1]];
    let checkpoint = proof.checkpoint.to_string();
    assert_eq!(
        proof.to_string(),
        format!("c2sp.org/tlog-proof@v1\nindex 1\n{first}\n{second}\n\n{checkpoint}")
    );
    proof.extra = b"more".to_vec();
    let text = proof.to_string();
    assert_eq!(
        text,
        format!("c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 1\n{first}\n{second}\n\n{checkpoint}")
    );
    assert_eq!(TlogProof::parse(text.as_bytes()), Ok(proof));
}

#[test]
fn a_proof_is_refused_for_what_is_wrong_with_it() {
    let good = proof(5, 9);
    let verify = |proof: &TlogProof| proof.verify(&entry(5), &policy()).unwrap_err();
    let index = |index| TlogProof { index, ..good.clone() };
    assert_eq!(
        verify(&index(9)),
        TlogProofError::Proof(ProofError::NoSuchLeaf { index: 9, size: 9 })
    );
    assert_eq!(verify(&index(4)), TlogProofError::Proof(ProofError::OtherRoot));
    let mut short = good.clone();
    short.hashes.pop();
    assert_eq!(verify(&short), TlogProofError::Proof(ProofError::Length(3)));
    let other_tree = TlogProof {
        checkpoint: proof(5, 10).checkpoint,
        ..good.clone()
    };
    assert!(matches!(verify(&other_tree), TlogProofError::Proof(_)));
    let nobody = Policy::new(ORIGIN, vec![log(3).key]);
    assert!(matches!(
        good.verify(&entry(5), &nobody),
        Err(TlogProofError::Checkpoint(PolicyError::Note(_)))
    ));
}

#[test]
fn another_form_is_no_proof() {
    let good = TlogProof {
        extra: b"more".to_vec(),
        ..proof(5, 9)
    }
    .to_string();
    let hash = format!("{}\n", Hash([1; 32]));
    for (from, to) in [
        ("@v1", "@v2"),
        ("c2sp", " c2sp"),
        ("extra bW9yZQ==", "extra "),
        ("extra bW9yZQ==", "extra bW9yZQ"),
        ("extra bW9yZQ==", "extra bW9yZR=="),
        ("extra bW9yZQ==", "Extra bW9yZQ=="),
        ("extra bW9yZQ==\n", "extra bW9yZQ==\nextra bW9yZQ==\n"),
        ("index 5", "index 05"),
        ("index 5", "index +5"),
        ("index 5", "index  5"),
        ("index 5", "index 18446744073709551616"),
        ("index 5\n", ""),
        ("index 5\n", "index 5\n\n"),
        ("index 5\n", "index 5\r\n"),
        ("index 5\n", "index 5\nAAAA\n"),
        ("index 5\n", &format!("index 5\n{}", hash.repeat(60))),
        ("\n\nlog", "\nlog"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(TlogProof::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(TlogProof::parse(good.trim_end().as_bytes()).is_err());
    assert!(TlogProof::parse(b"\xff").is_err() && TlogProof::parse(b"").is_err());
    let longest = good.replacen("index 5\n", &format!("index 5\n{}", hash.repeat(59)), 1);
    assert_eq!(TlogProof::parse(longest.as_bytes()).unwrap().hashes.len(), 63);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_changed_byte_proves_anything(at: usize, byte: u8) {
        let good = proof(5, 9).to_string().into_bytes();
        let mut changed = good.clone();
        let at = at % changed.len();
        changed[at] = byte;
        prop_assume!(changed != good);
        if let Ok(proof) = TlogProof::parse(&changed) {
            prop_assert_eq!(proof.to_string().into_bytes(), changed);
            prop_assert!(proof.verify(&entry(5), &policy()).is_err());
        }
    }

    #[test]
    fn a_proof_reads_back(extra: Vec<u8>, index: u64, hashes in prop::collection::vec(any::<[u8; 32]>(), 0..=63)) {
        let note = format!("a\n1\n{}\n\n— a AAAAAAA=\n", Hash([1; 32]));
        let checkpoint = Note::parse(note.as_bytes()).unwrap();
        let hashes = hashes.into_iter().map(Hash).collect();
        let proof = TlogProof { extra, index, hashes, checkpoint };
        prop_assert_eq!(TlogProof::parse(proof.to_string().as_bytes()), Ok(proof));
    }
}
