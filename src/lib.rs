//! coin-gate: the proxy-wasm filter that turns away requests whose coin Vault did not sign.
//!
//! It runs in Envoy, beside a service, and looks at each request once, when the headers arrive. A request that the route table does
//! not exempt must carry exactly one coin whose signature verifies against a public key of the configured campaign; otherwise the
//! answer is a problem document (RFC 9457) and the service sees nothing.
//!
//! What it trusts: its configuration (public keys, which are no secret) and the proxy. What it holds: no secret at all. What it does not do:
//! know which coins are spent (the ledger does), read bodies, call out, keep state between requests other than counters.
//!
//! It fails closed. A host call that fails, a clock that cannot be read or a missing configuration refuses the request; a
//! configuration with a mistake is refused as a whole while the one before it stays in force. There is no path that panics, because
//! a panic traps the VM and a trapped VM is lost to its worker; lints hold that line in this crate and in `coin`.
//!
//! The decisions are pure modules that know no host and are tested natively. The proxy calls `callbacks`, `host` calls the proxy, and `plugin` connects the two with the
//! decisions; these three exist only on wasm32, since the proxy's functions do not link anywhere else.

// A panic traps the VM, and a trapped VM answers nothing but 503 until its configuration changes. So there is no panic path.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]
// Natively only the tests use the pure modules.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod config;
#[cfg(test)]
mod decision_table;
mod gate;
mod header_map;
mod metrics;
mod path;
#[cfg(test)]
mod properties;
mod reply;
mod route;

#[cfg(target_arch = "wasm32")]
mod callbacks;
#[cfg(target_arch = "wasm32")]
mod host;
#[cfg(target_arch = "wasm32")]
mod plugin;
