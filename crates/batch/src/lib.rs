//! Work by the batch, for whoever has many coins at once: the mint that made them, the auditor that reads a whole log.
//!
//! - [`in_order`]: several pieces of work at once, their results one after the other;
//! - [`bad_signatures`]: which of many signatures are bad, for a fraction of what asking one by one costs.
//!
//! Nothing here decides what a signature is: `coin` does.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod lanes;
mod signatures;

pub use lanes::in_order;
pub use signatures::{Item, bad_signatures};
