//! The ledger in Postgres, against a real one.
//!
//! A test binary of its own: a process that is being started holds for a moment every file that its parent has open, so a test that starts servers makes a SQLite
//! ledger in the same process look locked to the next who opens it.

#[path = "../shared/common.rs"]
#[expect(dead_code, reason = "shared with tests/ledger, which wants more of it")]
mod common;
#[macro_use]
#[path = "../shared/contract.rs"]
mod contract;

mod database;
mod on_postgres;
