//! One target of tests/fuzz under libFuzzer; the binary's name says which.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (_, target) = fuzz_targets::TARGETS.iter().find(|(name, _)| *name == env!("CARGO_BIN_NAME")).expect("a target of this name");
    target(data);
});
