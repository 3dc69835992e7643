//! What the tests stand on: built programs and real servers, started on ports of their own, watched, and stopped again, also when a test fails.
//!
//! From the inside out: [`artifacts`] finds what was built, [`process`] runs it, [`wait`] is the only place that waits, [`http`] sends bytes as they
//! are; [`mint`], [`api`], [`envoy`], [`origin`], [`redis`] and [`vault`] start one part each, [`world`] all of them.

pub mod api;
pub mod artifacts;
pub mod envoy;
pub mod http;
pub mod metrics;
pub mod mint;
pub mod origin;
pub mod vault;
pub mod world;

pub use servers::{process, redis, wait};
