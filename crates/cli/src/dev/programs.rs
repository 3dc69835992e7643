//! Where the programs are: ours beside this one, Envoy and the gate where they were said to be, or where they usually are.

use std::env;
use std::path::{Path, PathBuf};

use service::Failure;

/// Everything that is started, or loaded by what is started.
pub struct Programs {
    /// `hashicoin-mint`
    pub mint: PathBuf,
    /// `hashicoin-api`
    pub api: PathBuf,
    /// Envoy
    pub envoy: PathBuf,
    /// `coin_gate.wasm`
    pub gate: PathBuf,
}

impl Programs {
    /// Finds them all.
    ///
    /// # Errors
    ///
    /// Everything that is missing, at once.
    pub fn find(envoy: Option<&Path>, gate: Option<&Path>) -> Result<Programs, Failure> {
        let own = env::current_exe()
            .map_err(|error| Failure::CouldNot(format!("could not find out where this program is: {error}")))?;
        let beside = own.parent().unwrap_or(Path::new("."));
        let on_path = env::var_os("PATH").unwrap_or_default();
        let on_path: Vec<PathBuf> = env::split_paths(&on_path)
            .map(|directory| directory.join("envoy"))
            .collect();
        let gates = [
            beside.join("coin_gate.wasm"),
            beside.join("../wasm32-unknown-unknown/wasm/coin_gate.wasm"),
        ];
        let mut missing = Vec::new();
        let mut find = |what: &str, places: &[PathBuf], remedy: &str| {
            let found = places
                .iter()
                .find(|place| place.is_file())
                .and_then(|place| place.canonicalize().ok());
            found.unwrap_or_else(|| {
                missing.push(format!("{what}: {remedy}"));
                PathBuf::new()
            })
        };
        let ours = "build it beside this program, as `cargo build --workspace` does";
        let programs = Programs {
            mint: find("hashicoin-mint", &[beside.join("hashicoin-mint")], ours),
            api: find("hashicoin-api", &[beside.join("hashicoin-api")], ours),
            envoy: find(
                "envoy",
                &envoy.map_or(on_path, |path| vec![path.to_owned()]),
                "give its path with --envoy, or run `cargo xtask dev`, which brings it",
            ),
            gate: find(
                "coin_gate.wasm",
                &gate.map_or(gates.to_vec(), |path| vec![path.to_owned()]),
                "give its path with --gate, or run `cargo xtask wasm`, which builds it",
            ),
        };
        if missing.is_empty() {
            Ok(programs)
        } else {
            Err(Failure::CouldNot(format!("not found:\n  {}", missing.join("\n  "))))
        }
    }

    /// `hashicoin-ledger`, beside the others. Only the mesh has one of its own.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn ledger(&self) -> Result<PathBuf, Failure> {
        let ledger = self.api.with_file_name("hashicoin-ledger");
        if ledger.is_file() {
            return Ok(ledger);
        }
        Err(Failure::CouldNot(
            "not found:\n  hashicoin-ledger: build it beside this program, as `cargo build --workspace` does"
                .to_owned(),
        ))
    }
}
