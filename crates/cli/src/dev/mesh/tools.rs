//! The servers of the mesh and their clients: from one directory, or from PATH.

use std::env;
use std::ffi::OsString;
use std::path::{self, Path, PathBuf};

use service::Failure;

/// Where each one is.
pub struct Tools {
    /// Consul: server, agent and client.
    pub consul: PathBuf,
    /// Vault: server and client.
    pub vault: PathBuf,
    /// Postgres' server.
    pub postgres: PathBuf,
    /// Makes an empty Postgres.
    pub initdb: PathBuf,
    /// Postgres' client.
    pub psql: PathBuf,
    /// Redis' server.
    pub redis: PathBuf,
    /// Prometheus, if it is there: a mesh works without.
    pub prometheus: Option<PathBuf>,
    /// Nomad and what it needs, when it is wanted.
    pub nomad: Option<Nomad>,
    /// A search path on which the scripts find them.
    pub path: OsString,
}

/// What runs parts as jobs.
pub struct Nomad {
    /// Server, client and command line.
    pub nomad: PathBuf,
    /// Redis' client: the job's health check.
    pub redis_cli: PathBuf,
    /// The directory of CNI's plugins, which make the jobs' networks.
    pub cni: PathBuf,
    /// Reads everybody's figures.
    pub prometheus: PathBuf,
    /// Asks Prometheus.
    pub promtool: PathBuf,
    /// Says how many instances of a job there are to be.
    pub autoscaler: PathBuf,
}

/// Where CNI's plugins usually are: their own releases', and Debian's.
const CNI: [&str; 2] = ["/opt/cni/bin", "/usr/lib/cni"];

impl Tools {
    /// Finds them all, those for Nomad if it is wanted. A name that `directory` does not have is looked up on PATH.
    ///
    /// # Errors
    ///
    /// Everything that is missing, at once.
    pub fn find(directory: Option<&Path>, with_nomad: bool) -> Result<Tools, Failure> {
        let on_path = env::var_os("PATH").unwrap_or_default();
        let directories: Vec<PathBuf> = directory
            // Nomad starts no program that is found by a relative path.
            .and_then(|directory| path::absolute(directory).ok())
            .into_iter()
            .chain(env::split_paths(&on_path))
            .collect();
        let prometheus = directories
            .iter()
            .map(|directory| directory.join("prometheus"))
            .find(|file| file.is_file());
        let mut missing = Vec::new();
        let mut find = |name: &'static str| {
            let found = directories
                .iter()
                .map(|directory| directory.join(name))
                .find(|file| file.is_file())
                // Not resolved: what a server does can depend on the name that it is called by. Postgres resolves its own.
                .and_then(|file| path::absolute(file).ok());
            found.unwrap_or_else(|| {
                missing.push(name);
                PathBuf::new()
            })
        };
        // Scripts look for it themselves; it had better be there.
        find("consul-template");
        let nomad = with_nomad.then(|| {
            // Nomad looks for it itself.
            find("iptables");
            Nomad {
                nomad: find("nomad"),
                redis_cli: find("redis-cli"),
                prometheus: find("prometheus"),
                promtool: find("promtool"),
                autoscaler: find("nomad-autoscaler"),
                cni: CNI
                    .map(PathBuf::from)
                    .into_iter()
                    .find(|place| place.join("bridge").is_file())
                    .unwrap_or_default(),
            }
        });
        let tools = Tools {
            consul: find("consul"),
            vault: find("vault"),
            postgres: find("postgres"),
            initdb: find("initdb"),
            psql: find("psql"),
            redis: find("redis-server"),
            prometheus,
            nomad,
            path: env::join_paths(&directories)
                .map_err(|error| Failure::CouldNot(format!("--tools: {error}: name another directory")))?,
        };
        if let Some(nomad) = &tools.nomad
            && nomad.cni.as_os_str().is_empty()
        {
            missing.push("CNI's plugins (/opt/cni/bin, or Debian's containernetworking-plugins)");
        }
        if missing.is_empty() {
            return Ok(tools);
        }
        Err(Failure::CouldNot(format!(
            "not found: {}: give their directory with --tools, or run `cargo xtask dev --mesh`, which brings them",
            missing.join(", ")
        )))
    }
}
