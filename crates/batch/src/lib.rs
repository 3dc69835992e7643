//! Work by the batch, for whoever has many coins at once: the mint that made them, the ledger that counts them, the auditor that reads a whole log.
//!
//! - [`in_order`]: several pieces of work at once, their results one after the other;
//! - [`bad_signatures`]: which of many signatures are bad, for a fraction of what asking one by one costs;
//! - [`verify_coins`]: the whole decision about many coins.
//!
//! Nothing here decides what a signature is: `coin` does.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod coins;
mod lanes;
mod signatures;

pub use coins::verify_coins;
pub use lanes::in_order;
pub use signatures::{Item, bad_signatures};
