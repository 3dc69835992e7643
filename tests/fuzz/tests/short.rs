//! The short run: every seed, then mutations of the seeds, always the same ones.
#![allow(missing_docs, reason = "what a test is about stands in its name")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fuzz_targets::{TARGETS, Target};

/// Mutations of a pure target.
const MUTATIONS: usize = 5_000;
/// Mutations of those that run the compiled module; the interpreter is slow.
const MUTATIONS_COMPILED: usize = 300;

/// Bytes that mean something to one parser or another.
const INSERTED: &[u8] = b"\0\n:/%.;, _Aa0\xff";

/// Numbers that look random and are always the same (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(name);
    let files = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seed", directory.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// One to four changes: a byte of another value, without one, with one more, a piece of another seed, or cut off.
fn mutated(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        match numbers.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 if at < bytes.len() => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.insert(at, INSERTED[numbers.below(INSERTED.len())]),
            4 => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len() + 1);
                let to = from + numbers.below(other.len() - from + 1);
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            5 if numbers.below(8) == 0 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

/// Runs a target; gives the input that it failed at.
fn run(name: &str, target: Target, mutations: usize) -> Option<Vec<u8>> {
    let seeds = seeds(name);
    let mut numbers = Numbers(0);
    let inputs = seeds
        .clone()
        .into_iter()
        .chain((0..mutations).map(|_| mutated(&seeds, &mut numbers)));
    let mut inputs = inputs;
    inputs.find(|input| catch_unwind(AssertUnwindSafe(|| target(input))).is_err())
}

#[test]
fn no_target_fails_but_the_canary() {
    for (name, target) in TARGETS {
        let mutations = match name {
            "compiled" | "callbacks" => MUTATIONS_COMPILED,
            // So simple that many cost nothing.
            "canary" => 10 * MUTATIONS,
            _ => MUTATIONS,
        };
        let failed = run(name, target, mutations);
        let failed = failed.map(|input| input.escape_ascii().to_string());
        let expected = (name == "canary").then(|| "coin".to_owned());
        assert_eq!(failed, expected, "{name}");
    }
}
