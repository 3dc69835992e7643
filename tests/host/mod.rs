//! A proxy-wasm host (ABI 0.2.1) on an interpreter: runs a **compiled** module the way Envoy does, hard edges included.
//!
//! It exists because the filter's worst failures are not in its decisions but between it and the proxy: a map that is gone, a second answer, a trap.
//! So it copies what Envoy does, not what the specification hopes for, and each edge names the upstream file it was read from, with these short names:
//!
//! - *context.cc*, *wasm.h* — envoyproxy/envoy, `source/extensions/common/wasm/`
//! - *cpp-host/…* — proxy-wasm/proxy-wasm-cpp-host, `src/…`
//!
//! Unlike Envoy it meters instructions, so that a hang is a failed test, and any host call can be made to fail ([`fault`]).
//! What it does not copy: calls out by HTTP and gRPC, shared queues, timers, properties, cutting a stream. A module that calls one of those traps, by name.
//!
//! From the outside in: [`envoy`] is the process (configuration, trial, workers), [`worker`] one of its threads, [`stream`] one request on it and
//! [`answer`] its way back, [`vm`] the module's instance, [`calls`] the functions that the module imports.

pub mod abi;
pub mod answer;
pub mod calls;
pub mod context;
pub mod envoy;
pub mod fault;
pub mod guest;
pub mod header_map;
pub mod metrics;
pub mod process;
pub mod shared_data;
pub mod stream;
pub mod vm;
pub mod worker;

pub use envoy::Envoy;
pub use fault::{Effect, Fault};
pub use header_map::HeaderMap;
pub use stream::{Request, Stream};
pub use vm::Module;
pub use worker::Worker;
