//! Witnesses (c2sp.org/tlog-witness): somebody else who remembers what a log has shown, and signs that its newest tree begins with all that was shown before.
//!
//! A log whose readers want the signatures of some witnesses cannot show two histories, unless as many witnesses help it. [`Witness`] is one, [`router`] its HTTP
//! interface; [`Witnesses`] is the side of the log, which collects their signatures.
//!
//! What holds: a witness writes down, durably and in one transaction with the comparison, what it is about to sign, and signs nothing that does not grow out of that.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod http;
mod memory;
mod submission;
mod witness;
mod witnesses;

pub use http::router;
pub use memory::{Memory, MemoryError};
pub use submission::Submission;
pub use witness::{Refusal, Witness, verifier_key};
pub use witnesses::{NotWitnessed, Witnesses};
