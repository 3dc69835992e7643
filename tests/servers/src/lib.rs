//! Real servers for the tests of every crate, and what it takes to run one: a development dependency, and nothing that ships depends on it.
//!
//! ```no_run
//! let mut postgres = servers::Postgres::start();
//! postgres.sql("CREATE TABLE t (n int)");
//! postgres.kill_and_start(); // SIGKILL, then again on the same data and port.
//! assert_eq!(postgres.sql("SELECT count(*) FROM t"), "0");
//! ```
//!
//! A server starts with data of its own in a directory of its own, is ready when its constructor returns, listens where nobody else does, and ends when it
//! is dropped, also when the test fails; what it wrote is shown then. Both are set up to keep what they answered for, as in production. A program that is
//! not there fails the test, and the message names what brings it: `cargo xtask tools`.
//!
//! From the inside out: [`tools`] finds the programs, [`process`] runs one, [`wait`] is the only place that waits, [`port`] gives a port to a server that
//! cannot pick one itself, [`proxy`] cuts connections.

pub mod port;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod tools;
pub mod vault;
pub mod wait;

pub use crate::postgres::Postgres;
pub use crate::redis::Redis;
pub use crate::vault::Vault;
