//! What the gate costs in front of a request, beside Envoy's own filter for signed tokens.
//!
//! One Envoy worker answers every request itself (a direct response), so all there is besides the filter is the proxy. `wrk` sends POST requests without a body over 16 connections, in turns to
//! an Envoy without a filter, with `jwt_authn` and EdDSA, with the gate, with the gate on the reference verifier, and with the gate on a route that needs no coin; thousands of distinct coins and JWTs, so that nothing can be remembered.
//! A worker that is never idle makes 1/rate the time of a request, and the difference to no filter the filter's.

mod envoys;
mod tokens;

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::spread::Spread;
use crate::cargo::cargo;
use crate::tools::debian::{self, WRK};
use crate::tools::envoy;
use crate::{place, step, wasm};
use envoys::Front;
use tokens::Tokens;

/// How long one load lasts, in seconds.
const LOAD_S: u32 = 2;

/// Requests per second through the gate, against Envoy's own filter for signed tokens; and refusals per second
///
/// With --json the last line on standard output is one object: `ratio_to_jwt_authn` of the requests per second; `added_us`, `added_us_jwt_authn` and `added_us_reference` to a request; `share_of_jwt_authn`, the
/// first over the second; `per_s` of each way; `refused_per_s` of each kind of bad coin; `module_bytes`, `load_ms` and `memory_mib`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print the figures as one JSON object at the end
    #[arg(long)]
    json: bool,
    /// How many times each way is measured
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
}

/// One way that requests are handled, and what it has shown.
struct Way {
    name: &'static str,
    front: Front,
    /// A file of header values, one for each request.
    tokens: std::path::PathBuf,
    /// Whether every request must be let through, or none.
    passes: bool,
    per_s: Vec<f64>,
}

/// Runs the command.
///
/// # Errors
///
/// When a part does not start, or lets through what it should not, or the other way round.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let programs = debian::bring(&[WRK])?;
    let wrk = &programs.first().ok_or("there is no wrk")?.1;
    let envoy = envoy::bring()?;
    wasm::build_checked()?;
    let reference = wasm::with_reference_verifier()?;
    step::run(
        "build the mint as it ships",
        &mut cargo(&["build", "--release", "--package", "hashicoin-mint"]),
        "The compiler's message is above.",
    )?;
    let directory = TempDir::new().map_err(|error| format!("no temporary directory: {error}"))?;
    let tokens = Tokens::make(&place::target().join("release/hashicoin-mint"), directory.path())?;
    let script = directory.path().join("load.lua");
    std::fs::write(&script, include_str!("gate/load.lua")).map_err(|error| error.to_string())?;

    let start = |name, filter: Option<Value>| Front::start(&envoy, directory.path(), name, filter);
    let gate = |module: &Path, free: &[&str]| Some(envoys::gate(module, &tokens.keys, free));
    let (reading, all) = (["GET", "HEAD"], ["GET", "HEAD", "POST"]);
    let mut ways = Vec::new();
    let mut add = |name, front, tokens: &Path, passes| {
        ways.push(Way {
            name,
            front,
            tokens: tokens.to_owned(),
            passes,
            per_s: Vec::new(),
        });
    };
    add("no filter", start("none", None)?, &tokens.coins, true);
    add(
        "jwt_authn",
        start("jwt_authn", Some(envoys::jwt_authn(&tokens.jwks)))?,
        &tokens.jwts,
        true,
    );
    add(
        "the gate",
        start("gate", gate(&wasm::module(), &reading))?,
        &tokens.coins,
        true,
    );
    add(
        "the gate, reference",
        start("reference", gate(&reference, &reading))?,
        &tokens.coins,
        true,
    );
    add(
        "the gate, a free route",
        start("free", gate(&wasm::module(), &all))?,
        &tokens.coins,
        true,
    );
    // The same Envoy; each kind of bad coin is a load of its own.
    for (name, bad) in &tokens.bad {
        let front = ways[2].front.clone();
        ways.push(Way {
            name,
            front,
            tokens: bad.clone(),
            passes: false,
            per_s: Vec::new(),
        });
    }
    for round in 0..=arguments.rounds {
        for way in &mut ways {
            let per_s = way.front.load(wrk, &script, &way.tokens, way.passes, LOAD_S)?;
            // The first round warms up.
            if round > 0 {
                way.per_s.push(per_s);
            }
        }
        eprintln!("    round {round} of {}", arguments.rounds);
    }
    let load_ms = |front: &Front| front.load_ms(&envoy);
    let report = Report {
        load_ms: load_ms(&ways[2].front)? - load_ms(&ways[0].front)?,
        memory_mib: ways[2].front.memory_mib()? - ways[0].front.memory_mib()?,
        module_bytes: std::fs::metadata(wasm::module())
            .map_err(|error| error.to_string())?
            .len(),
        ways,
    };
    eprintln!("{report}");
    if arguments.json {
        println!("{}", report.to_json());
    }
    Ok(())
}

/// All figures.
struct Report {
    /// No filter, jwt_authn, the gate, the gate on the reference, the gate on a route that needs no coin, and the gate's refusals.
    ways: Vec<Way>,
    load_ms: f64,
    memory_mib: f64,
    module_bytes: u64,
}

impl Report {
    /// The median over rounds of a figure of two ways in the same round.
    fn over(&self, way: usize, other: usize, figure: fn(f64, f64) -> f64) -> Spread {
        let rounds = self.ways[way].per_s.iter().zip(&self.ways[other].per_s);
        Spread::of(rounds.map(|(way, other)| figure(*way, *other)))
    }

    /// What a way adds to a request without a filter, in µs.
    fn added_us(&self, way: usize) -> Spread {
        self.over(way, 0, |way, none| 1e6 / way - 1e6 / none)
    }

    fn to_json(&self) -> Value {
        let round = |figure: f64| (figure * 100.0).round() / 100.0;
        let per_s = |way: &Way| {
            (
                way.name.to_owned(),
                json!(Spread::of(way.per_s.iter().copied()).median().round()),
            )
        };
        let (passing, refused) = self.ways.split_at(5);
        let (added, added_jwt) = (self.added_us(2).median(), self.added_us(1).median());
        json!({
            "ratio_to_jwt_authn": round(self.over(2, 1, |ours, theirs| ours / theirs).median()),
            "added_us": round(added),
            "added_us_jwt_authn": round(added_jwt),
            "added_us_reference": round(self.added_us(3).median()),
            "share_of_jwt_authn": round(added / added_jwt),
            "per_s": passing.iter().map(per_s).collect::<Value>(),
            "refused_per_s": refused.iter().map(per_s).collect::<Value>(),
            "module_bytes": self.module_bytes,
            "load_ms": round(self.load_ms),
            "memory_mib": round(self.memory_mib),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:24} requests/s", "")?;
        for (place, way) in self.ways.iter().enumerate() {
            let per_s = Spread::of(way.per_s.iter().copied());
            writeln!(formatter, "{:24} {per_s}, adds {} µs", way.name, self.added_us(place))?;
        }
        writeln!(
            formatter,
            "{:24} {}",
            "to jwt_authn",
            self.over(2, 1, |ours, theirs| ours / theirs)
        )?;
        write!(
            formatter,
            "the module: {} bytes; loading and configuring it takes {:.0} ms; two VMs of it take {:.0} MiB",
            self.module_bytes, self.load_ms, self.memory_mib
        )
    }
}
