//! Against ct-merkle, another implementation by other people: the same roots, the same proofs, and each accepts what the other made.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof};
use sha2::Sha256;
use tlog::{Hash, ProofPlan, Tree, TreeHead};

use crate::rfc::entry;

fn bytes(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| hash.0).collect()
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|hash| Hash(hash.try_into().unwrap())).collect()
}

#[test]
fn roots_and_proofs_are_theirs() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut ours = Tree::new();
    let mut heads: Vec<TreeHead> = vec![ours.head()];
    for size in 1..=1100_u64 {
        let entry = entry(usize::try_from(size).unwrap());
        let leaf = Hash::of_leaf(&entry);
        theirs.push(entry);
        ours.append(&[leaf]).unwrap();
        heads.push(ours.head());
    }
    let size = ours.size();
    assert_eq!(theirs.root().as_bytes().as_slice(), ours.head().root.0);
    let mut again = Tree::new();
    let leaves: Vec<Hash> = theirs.items().iter().map(|entry| Hash::of_leaf(entry)).collect();
    let tiles = again.append(&leaves).unwrap();
    for index in (0..size).step_by(7) {
        let place = usize::try_from(index).unwrap();
        let plan = ProofPlan::inclusion(index, size).unwrap();
        let proof = plan.prove(&tiles).unwrap();
        let their_proof = theirs.prove_inclusion(place);
        assert_eq!(hashes(their_proof.as_bytes()), proof);
        assert_eq!(ours.head().check_inclusion(index, &leaves[place], &proof), Ok(()));
        let proof = InclusionProof::try_from_bytes(bytes(&proof)).unwrap();
        theirs
            .root()
            .verify_inclusion(&theirs.items()[place], index, &proof)
            .unwrap();
    }
    for from in (1..size).step_by(11) {
        let proof = ProofPlan::consistency(from, size).unwrap().prove(&tiles).unwrap();
        let older = heads[usize::try_from(from).unwrap()];
        let their_proof = theirs.prove_consistency(usize::try_from(size - from).unwrap());
        assert_eq!(hashes(their_proof.as_bytes()), proof);
        assert_eq!(ours.head().check_consistency(&older, &proof), Ok(()));
        let old_root = ct_merkle::RootHash::new(older.root.0.into(), from);
        let proof = ConsistencyProof::try_from_bytes(bytes(&proof)).unwrap();
        theirs.root().verify_consistency(&old_root, &proof).unwrap();
    }
}
