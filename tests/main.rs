//! The integration tests: one binary, one module per file.
#![allow(
    missing_docs,
    reason = "what a test is about stands in its name and at the head of its file"
)]

mod api;
mod browser;
mod capabilities;
mod cli;
mod dev;
mod edge;
mod gate_wasm;
mod harness;
mod host;
mod mesh;
mod mint;
mod mock;
mod monitoring;
mod nomad;
mod queue;
mod syscalls;
mod tidy;
mod vault;
