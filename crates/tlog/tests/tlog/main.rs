//! The log's mathematics against what the specifications say, against others' code, and against everybody who would change a byte of it.
#![allow(
    missing_docs,
    reason = "what a test is about stands in its name and at the head of its file"
)]

mod keys;
mod notes;
mod others;
mod policies;
mod proofs;
mod receipts;
mod rfc;
mod tessera;
mod tiles;
mod tree;
