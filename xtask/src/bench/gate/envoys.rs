//! An Envoy with one worker that answers every request itself, behind one filter or none.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

use serde_json::{Value, json};

use super::super::server::{Server, free_address};
use super::super::vault::get;
use super::tokens::{CAMPAIGN, ISSUER};
use crate::step;

/// A running Envoy; clones are the same one.
#[derive(Clone)]
pub struct Front {
    address: SocketAddr,
    bootstrap: PathBuf,
    server: Rc<Server>,
}

/// The gate's filter, as the shipped bootstrap has it; `free` are the methods that need no coin.
pub fn gate(module: &Path, keys: &Value, free: &[&str]) -> Value {
    let configuration = json!({
        "mode": "enforce",
        "campaign": CAMPAIGN,
        "keys": keys,
        "routes": [{ "methods": free, "prefix": "/", "coin": "none" }],
    });
    json!({
        "name": "coin_gate",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "coin_gate",
                "root_id": "coin_gate",
                "failure_policy": "FAIL_CLOSED",
                "vm_config": {
                    "vm_id": "coin_gate",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": module } },
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration.to_string(),
                },
            },
        },
    })
}

/// Envoy's own filter, with a key of the same kind: it checks signature, issuer and expiry, as the gate checks signature, campaign and expiry.
pub fn jwt_authn(jwks: &Value) -> Value {
    json!({
        "name": "jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "mint": { "issuer": ISSUER, "local_jwks": { "inline_string": jwks.to_string() } } },
            "rules": [
                { "match": { "path": "/ready" } },
                { "match": { "prefix": "/" }, "requires": { "provider_name": "mint" } },
            ],
        },
    })
}

impl Front {
    /// Starts one, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn start(envoy: &Path, directory: &Path, name: &str, filter: Option<Value>) -> Result<Front, String> {
        let address = free_address()?;
        let bootstrap = directory.join(format!("{name}.json"));
        let text = bootstrap_text(address, filter);
        fs::write(&bootstrap, text).map_err(|error| format!("could not write {}: {error}", bootstrap.display()))?;
        let mut command = Command::new(envoy);
        command.args([
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "warn",
            "-c",
        ]);
        let server = Server::start(name, command.arg(&bootstrap), directory, || {
            get(address, "/ready").as_deref() == Some("200")
        })?;
        Ok(Front {
            address,
            bootstrap,
            server: Rc::new(server),
        })
    }

    /// Sends requests as fast as they are answered; gives how many that were per second.
    ///
    /// # Errors
    ///
    /// When one that must pass was refused, or the other way round.
    pub fn load(&self, wrk: &Path, script: &Path, tokens: &Path, passes: bool, seconds: u32) -> Result<f64, String> {
        let mut command = Command::new(wrk);
        command.args([
            "--threads",
            "1",
            "--connections",
            "16",
            "--duration",
            &format!("{seconds}s"),
            "--script",
        ]);
        command
            .arg(script)
            .arg(format!("http://{}", self.address))
            .arg("--")
            .arg(tokens);
        let said = step::read(&mut command)?;
        let figures = said
            .lines()
            .rev()
            .find(|line| line.starts_with('{'))
            .ok_or("wrk gave no figures")?;
        let figures: Value = serde_json::from_str(figures).map_err(|error| format!("wrk's figures: {error}"))?;
        let number = |name: &str| figures[name].as_f64().unwrap_or(f64::NAN);
        let refused = if passes { 0.0 } else { number("requests") };
        // wrk counts what arrives after its end as requests and not as errors, or the other way round: a few at most.
        if number("failed") > 0.0 || (number("refused") - refused).abs() > 16.0 {
            return Err(format!("{}: {said}", tokens.display()));
        }
        Ok(number("requests") * 1e6 / number("us"))
    }

    /// How long Envoy takes to load the filter, configure it once and end, in ms, with what it does besides.
    ///
    /// # Errors
    ///
    /// When it refuses its configuration.
    pub fn load_ms(&self, envoy: &Path) -> Result<f64, String> {
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let mut validate = Command::new(envoy);
            validate
                .args(["--mode", "validate", "--log-level", "warn", "-c"])
                .arg(&self.bootstrap);
            let start = Instant::now();
            step::read(&mut validate)?;
            best = best.min(start.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(best)
    }

    /// The memory that the process has, in MiB. Linux only.
    ///
    /// # Errors
    ///
    /// Where the system does not say.
    pub fn memory_mib(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.server.id());
        let status = fs::read_to_string(&path).map_err(|error| format!("could not read {path}: {error}"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("no VmRSS")?;
        let kib: f64 = line
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .map_err(|_| "VmRSS is no number")?;
        Ok(kib / 1024.0)
    }
}

fn bootstrap_text(address: SocketAddr, filter: Option<Value>) -> String {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    });
    let filters: Vec<Value> = filter.into_iter().chain([router]).collect();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "http_filters": filters,
        "route_config": {
            "virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                "routes": [{ "match": { "prefix": "/" }, "direct_response": { "status": 200 } }],
            }],
        },
    });
    let bootstrap = json!({
        "static_resources": {
            "listeners": [{
                "name": "bench",
                "address": { "socket_address": { "address": "127.0.0.1", "port_value": address.port() } },
                "filter_chains": [{
                    "filters": [{ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }],
                }],
            }],
        },
    });
    bootstrap.to_string()
}
