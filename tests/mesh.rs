//! The mesh that `hashicoin dev --mesh` brings up, with real Consul, Envoy, Redis and Postgres: what it lets through, what it refuses, and that votes survive the death
//! of its parts.
//!
//! The mesh is started by the program, not by the tests: they read what runs where in its `mesh.json`.

mod faults;
mod filter;
mod intentions;
pub mod monitoring;
mod networks;
mod operating;
mod requests;
mod rotation;
mod sidecar;
mod story;
mod vault;
pub mod world;
