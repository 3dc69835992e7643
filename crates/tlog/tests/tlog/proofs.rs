//! Each proof is the RFC's and verifies; nothing that was changed does.

use proptest::prelude::*;
use tlog::{Hash, ProofError, ProofPlan, SIZE_MAX, Tile, TreeHead};

use crate::rfc::Log;

/// All small sizes, those around a full tile, and one beyond.
fn sizes() -> impl Iterator<Item = u64> {
    (0..=100).chain(250..=262).chain([300])
}

fn prove(log: &Log, plan: &ProofPlan) -> Vec<Hash> {
    plan.prove(&log.stored(plan.tiles())).unwrap()
}

fn inclusion(log: &Log, index: u64, size: u64) -> Vec<Hash> {
    prove(log, &ProofPlan::inclusion(index, size).unwrap())
}

fn consistency(log: &Log, from: u64, to: u64) -> Vec<Hash> {
    prove(log, &ProofPlan::consistency(from, to).unwrap())
}

/// The proof with each of its hashes changed, left out, doubled and exchanged with the next, and with one more at either end.
fn damaged(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let strange = [Hash([7; 32])];
    let mut all = vec![[&strange, proof].concat(), [proof, &strange].concat()];
    for place in 0..proof.len() {
        let (before, after) = proof.split_at(place);
        let mut flipped = proof.to_vec();
        flipped[place].0[place % 32] ^= 1;
        let mut exchanged = proof.to_vec();
        exchanged.swap(place, (place + 1) % proof.len());
        all.extend([flipped, exchanged]);
        all.push([before, &after[1..]].concat());
        all.push([before, &after[..1], after].concat());
    }
    all.retain(|changed| changed != proof);
    all
}

#[test]
fn every_inclusion_proof_of_every_size_is_the_rfcs_and_verifies() {
    let log = Log::new(300);
    for size in sizes() {
        for index in 0..size {
            let proof = inclusion(&log, index, size);
            let (m, n) = (usize::try_from(index).unwrap(), usize::try_from(size).unwrap());
            assert_eq!(proof, log.path(m, 0, n), "{index} in {size}");
            assert_eq!(log.head(size).check_inclusion(index, &log.leaf(index), &proof), Ok(()));
        }
        assert_eq!(ProofPlan::inclusion(size, size), None);
    }
}

#[test]
fn every_consistency_proof_of_every_two_sizes_is_the_rfcs_and_verifies() {
    let log = Log::new(300);
    for to in sizes() {
        for from in 0..=to {
            let proof = consistency(&log, from, to);
            let (m, n) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
            let expected = if m == 0 { vec![] } else { log.subproof(m, 0, n, true) };
            assert_eq!(proof, expected, "{from} to {to}");
            assert_eq!(log.head(to).check_consistency(&log.head(from), &proof), Ok(()));
        }
        assert_eq!(ProofPlan::consistency(to + 1, to), None);
    }
}

#[test]
fn no_changed_inclusion_proof_verifies() {
    let log = Log::new(40);
    for size in 1..=40 {
        for index in 0..size {
            let (head, leaf, proof) = (log.head(size), log.leaf(index), inclusion(&log, index, size));
            for changed in damaged(&proof) {
                assert!(
                    head.check_inclusion(index, &leaf, &changed).is_err(),
                    "{index} in {size}: {changed:?}"
                );
            }
            for other in (0..=41).filter(|other| *other != index) {
                assert!(
                    head.check_inclusion(other, &leaf, &proof).is_err(),
                    "{index} as {other} in {size}"
                );
                if other < size {
                    assert!(head.check_inclusion(index, &log.leaf(other), &proof).is_err());
                }
            }
            for other in (1..=40).filter(|other| *other != size) {
                assert!(
                    log.head(other).check_inclusion(index, &leaf, &proof).is_err(),
                    "{index} in {size} as {other}"
                );
            }
        }
    }
}

#[test]
fn no_changed_consistency_proof_verifies() {
    let log = Log::new(40);
    for to in 1..=40 {
        for from in 0..=to {
            let (old, new, proof) = (log.head(from), log.head(to), consistency(&log, from, to));
            for changed in damaged(&proof) {
                assert!(
                    new.check_consistency(&old, &changed).is_err(),
                    "{from} to {to}: {changed:?}"
                );
            }
            let forked = |head: TreeHead| TreeHead {
                root: Hash([9; 32]),
                ..head
            };
            assert_eq!(
                new.check_consistency(&forked(old), &proof),
                Err(ProofError::Inconsistent)
            );
            if from > 0 {
                assert!(forked(new).check_consistency(&old, &proof).is_err());
            }
            for other in (1..=40).filter(|other| ![from, to].contains(other)) {
                assert!(from == 0 || log.head(other).check_consistency(&old, &proof).is_err());
                assert!(new.check_consistency(&log.head(other), &proof).is_err());
            }
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let log = Log::new(8);
    let (head, leaf, proof) = (log.head(8), log.leaf(3), inclusion(&log, 3, 8));
    let check = |index, leaf: &Hash, proof: &[Hash]| head.check_inclusion(index, leaf, proof).unwrap_err();
    assert_eq!(check(8, &leaf, &proof), ProofError::NoSuchLeaf { index: 8, size: 8 });
    assert_eq!(check(3, &leaf, &proof[..2]), ProofError::Length(2));
    assert_eq!(check(3, &leaf, &[proof[0]; 4]), ProofError::Length(4));
    assert_eq!(check(3, &log.leaf(2), &proof), ProofError::OtherRoot);
    assert_eq!(head.check_consistency(&log.head(6), &[]), Err(ProofError::Length(0)));
    assert_eq!(
        log.head(6).check_consistency(&head, &[]),
        Err(ProofError::Shrunk { from: 8, to: 6 })
    );
    let mut wrong_for_the_new_root_alone = consistency(&log, 3, 8);
    wrong_for_the_new_root_alone.last_mut().unwrap().0[0] ^= 1;
    let checked = head.check_consistency(&log.head(3), &wrong_for_the_new_root_alone);
    assert_eq!(checked, Err(ProofError::Inconsistent));
}

#[test]
fn the_longest_proofs_have_63_hashes_and_64_are_refused() {
    let lines = |plan: Option<ProofPlan>| format!("{:?}", plan.unwrap()).matches("), (").count() + 1;
    assert_eq!(lines(ProofPlan::inclusion(0, SIZE_MAX)), 62);
    assert_eq!(lines(ProofPlan::consistency(SIZE_MAX - 1, SIZE_MAX)), 63);
    assert_eq!(ProofPlan::inclusion(0, SIZE_MAX + 1), None);
    assert_eq!(ProofPlan::consistency(1, SIZE_MAX + 1), None);
    let head = TreeHead {
        size: u64::MAX,
        root: Hash([0; 32]),
    };
    assert_eq!(
        head.check_inclusion(0, &head.root, &[head.root; 64]),
        Err(ProofError::Length(64))
    );
    assert_eq!(
        head.check_inclusion(0, &head.root, &[head.root; 63]),
        Err(ProofError::Length(63))
    );
    let old = TreeHead {
        size: u64::MAX - 1,
        ..head
    };
    assert_eq!(
        head.check_consistency(&old, &[head.root; 65]),
        Err(ProofError::Length(65))
    );
}

#[test]
fn a_proof_wants_each_of_its_tiles() {
    let log = Log::new(600);
    for plan in [
        ProofPlan::inclusion(3, 600).unwrap(),
        ProofPlan::consistency(300, 600).unwrap(),
    ] {
        let tiles = log.stored(plan.tiles());
        assert!(tiles.len() > 1 && plan.prove(&tiles).is_some());
        for missing in 0..tiles.len() {
            let mut rest: Vec<Tile> = tiles.clone();
            rest.remove(missing);
            assert_eq!(plan.prove(&rest), None);
        }
    }
}

proptest! {
    /// Nonsense of every length; no input may stop the program either.
    #[test]
    fn no_nonsense_verifies(index: u64, size: u64, from: u64, root: [u8; 32], lines in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
        let lines: Vec<Hash> = lines.into_iter().map(Hash).collect();
        let head = TreeHead { size, root: Hash(root) };
        prop_assert!(head.check_inclusion(index, &Hash([1; 32]), &lines).is_err());
        let older = TreeHead { size: from, root: Hash([1; 32]) };
        prop_assert!(head.check_consistency(&older, &lines).is_err());
        if let Some(plan) = ProofPlan::inclusion(index, size) {
            prop_assert!(plan.tiles().len() <= 8 * 3);
            prop_assert!(plan.tiles().is_empty() || plan.prove(&[]).is_none());
        }
    }
}
