//! The ledger from outside, in one test binary.
//!
//! `contract` is what every store must do; `outcomes` what submitters hear; `conservation` and `concurrency` what must hold whatever happens; `opening`
//! what is refused at the door; `faults` what happens when a commit fails; `on_postgres` what is Postgres' own. `tests/kill.rs` kills a whole process.

mod common;
mod concurrency;
mod conservation;
mod contract;
mod database;
mod faults;
mod on_postgres;
mod opening;
mod outcomes;
mod stage;
