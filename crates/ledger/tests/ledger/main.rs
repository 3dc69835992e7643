//! The ledger from outside, in one test binary.
//!
//! `sqlite` is what every store must do, on the embedded one; `outcomes` what submitters hear; `conservation` and `concurrency` what must hold whatever happens;
//! `opening` what is refused at the door, and `flips` what a turned bit looks like there; `faults` what happens when a commit fails; `signing` what the log's checkpoints promise, `vault` when it is Vault that signs. `tests/postgres` is about the other store, and `tests/kill.rs` kills a whole
//! process.

#[path = "../shared/common.rs"]
mod common;
#[macro_use]
#[path = "../shared/contract.rs"]
mod contract;

mod concurrency;
mod conservation;
mod faults;
mod flips;
mod opening;
mod outcomes;
mod signing;
mod sqlite;
mod stage;
mod vault;
