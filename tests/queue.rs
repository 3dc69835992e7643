//! Votes through the queue: the built `hashicoin-ledger` and `hashicoin-api` on a real Redis, with the store in SQLite and in Postgres, under load and
//! while parts of it are killed.
//!
//! Each test ends with the same account ([`World::settle`]): every entry that the stream ever had is accepted, refused or dead-lettered, and each
//! vote that was answered for is in the store exactly once.

mod command_line;
mod faults;
mod issued;
mod keys;
mod log;
mod promises;
mod redis;
mod spends;
mod witness;
pub mod world;
