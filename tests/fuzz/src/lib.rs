//! What must hold for any bytes. Each target is a function that panics when it does not; [`TARGETS`] has them by name.
//!
//! There are two drivers: `tests/short.rs` runs the seeds in `fuzz/seeds/` and mutations of them, always the same, in a few seconds; `fuzz/` hands the
//! targets to cargo-fuzz, for as long as somebody wants. The gate is a cdylib, which nothing can link, so its pure modules are compiled here once more, from
//! the same files.

#![allow(
    missing_docs,
    dead_code,
    unused_imports,
    reason = "the gate's modules and the mock are taken whole"
)]

#[path = "../../../src/config.rs"]
mod config;
#[path = "../../../src/gate.rs"]
mod gate;
#[path = "../../../src/header_map.rs"]
mod header_map;
#[path = "../../host/mod.rs"]
mod host;
#[path = "../../../src/path.rs"]
mod path;
#[path = "../../../src/route.rs"]
mod route;

mod callbacks;
mod compiled;
mod pure;
mod signature;

/// A target: panics at an input for which something does not hold.
pub type Target = fn(&[u8]);

/// Every target by name. The last one must fail: a driver that lets it pass finds nothing.
pub const TARGETS: [(&str, Target); 11] = [
    ("configuration", pure::configuration),
    ("headers", pure::headers),
    ("header-map", pure::header_map),
    ("path", pure::path),
    ("token", pure::token),
    ("coin-txt", pure::coin_txt),
    ("keyring", pure::keyring),
    ("signature", signature::signature),
    ("compiled", compiled::compiled),
    ("callbacks", callbacks::callbacks),
    ("canary", pure::canary),
];
