//! The mathematics of a transparency log that others' tools can read.
//!
//! A log is a list of entries that only grows. Its tree (RFC 6962, SHA-256) has one root for each size; whoever signs a size and a root has said what the whole list
//! is. What is published are static files and signed text, as C2SP specifies them:
//!
//! | specification | here |
//! |---|---|
//! | RFC 6962, section 2.1: hashes, inclusion and consistency proofs | [`struct@Hash`], [`Tree`], [`ProofPlan`] to make them, [`TreeHead`] to check them |
//! | c2sp.org/tlog-tiles: `tile/<L>/x001/x234/067.p/8`, `tile/entries/…` | [`TileId`], [`Tile`], [`BundleId`], [`bundle`] |
//! | c2sp.org/signed-note: text, a blank line, `— <name> <base64>` | [`Note`], [`VerifierKey`] |
//! | c2sp.org/tlog-checkpoint: origin, size, root | [`Checkpoint`] |
//! | c2sp.org/tlog-cosignature, for Ed25519: a witness's signature with its time | [`Algorithm::CosignatureV1`], [`cosigned_message`] |
//! | c2sp.org/tlog-policy: how many witnesses have to sign, as a file | [`PolicyFile`] |
//! | c2sp.org/tlog-proof: what proves one entry offline | [`TlogProof`], under a [`Policy`] |
//!
//! Whatever is parsed here has exactly one spelling, and what is printed reads back as the same.
//!
//! ```
//! use tlog::{Hash, ProofPlan, Tree};
//!
//! let mut tree = Tree::new();
//! let leaves = ["a", "b", "c"].map(|entry| Hash::of_leaf(entry.as_bytes()));
//! let tiles = tree.append(&leaves).unwrap();
//! let plan = ProofPlan::inclusion(1, tree.size()).unwrap();
//! let proof = plan.prove(&tiles).unwrap();
//! assert_eq!(tree.head().check_inclusion(1, &leaves[1], &proof), Ok(()));
//! ```
//!
//! Pure: no input or output, no clock, no randomness, no private key (what is to be signed goes out as bytes, and the signature comes in), and no path that panics.

// What strangers send is read here: the same list as the coin's.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod bundle;
mod checkpoint;
mod hash;
mod note;
mod policy;
mod policy_file;
mod proof;
mod proof_plan;
mod tile;
mod tlog_proof;
mod tree;
mod verifier_key;

pub use checkpoint::{Checkpoint, CheckpointError, cosigned_message};
pub use hash::Hash;
pub use note::{Note, NoteError, NoteSignature, Verified};
pub use policy::{Policy, PolicyError};
pub use policy_file::{PolicyFile, PolicyWitness};
pub use proof::{PROOF_LINES_MAX, ProofError, SIZE_MAX, TreeHead};
pub use proof_plan::ProofPlan;
pub use tile::{BundleId, TILE_WIDTH, Tile, TileId, bundles, partial_tiles, tiles};
pub use tlog_proof::{TlogProof, TlogProofError};
pub use tree::Tree;
pub use verifier_key::{Algorithm, VerifierKey, VerifierKeyError};
