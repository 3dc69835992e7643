//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use service::{LogFormat, RedisUrl};
use tlog::VerifierKey;

use crate::store::Place;

/// Takes votes out of the queue in Redis and counts each coin once. Holds no signing key.
#[derive(Parser)]
#[command(version, after_help = "Exit codes: 0 done, 1 refused, 2 could not, 64 usage.")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Make the store of a campaign. Once per campaign; a Postgres store of an older version is brought up to date.
    Init(Init),
    /// Count votes until SIGTERM or SIGINT.
    ///
    /// When it is started it prints one line on standard output, {"listening":"ADDRESS:PORT","version":"…"}; /healthz there says whether Redis and the
    /// store answer. Logs go to standard error; RUST_LOG chooses their level.
    Serve(Serve),
    /// Be a witness of logs: remember what each has shown, and sign what grows out of it.
    #[command(subcommand)]
    Witness(Witness),
}

#[derive(Subcommand)]
pub enum Witness {
    /// Make a witness's key and memory. Prints the key that its signatures are checked with.
    Init(WitnessFiles),
    /// Sign checkpoints until SIGTERM or SIGINT (c2sp.org/tlog-witness).
    ///
    /// When it is started it prints one line on standard output, {"listening":"ADDRESS:PORT","version":"…"}. Run it where whoever runs the log has no say.
    Serve(WitnessServe),
}

/// What a witness is.
#[derive(Args)]
pub struct WitnessFiles {
    /// Its name, such as example.com/witness
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Its key (Ed25519, PKCS#8 PEM, mode 0600)
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// What it remembers (SQLite)
    #[arg(long, value_name = "FILE")]
    pub memory: PathBuf,
}

#[derive(Args)]
pub struct WitnessServe {
    #[command(flatten)]
    pub files: WitnessFiles,
    /// A key of a log that it witnesses, as the log publishes it; give one for each version
    #[arg(long = "log-verifier-key", value_name = "VKEY", required = true, value_parser = VerifierKey::parse)]
    pub logs: Vec<VerifierKey>,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8082")]
    pub listen: SocketAddr,
    /// How logs are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
}

/// What belongs together for as long as the campaign lasts.
#[derive(Args)]
pub struct Books {
    /// The store: the path of a SQLite file, or postgres://USER@HOST:PORT/DATABASE. Its password comes from the file that
    /// HASHICOIN_POSTGRES_PASSWORD_FILE names, or from PGPASSWORD
    #[arg(long, value_name = "FILE|URL", value_parser = Place::parse)]
    pub store: Place,
    /// The campaign file (JSON): what is donated, and the charities
    #[arg(long, value_name = "FILE")]
    pub campaign: PathBuf,
}

#[derive(Args)]
pub struct Init {
    #[command(flatten)]
    pub books: Books,
    /// The Postgres role that `serve` comes as: it may add votes and change or remove none
    #[arg(long, value_name = "ROLE")]
    pub writer_role: Option<String>,
}

#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    pub books: Books,
    /// The Redis that votes are queued in, as redis://HOST:PORT. With a password, put it into HASHICOIN_REDIS_URL instead
    #[arg(long, value_name = "URL", value_parser = RedisUrl::from_argument)]
    pub redis: Option<RedisUrl>,
    /// The public keys, as `vault read -format=json transit/keys/NAME` prints them; read again when the file changes
    #[arg(long, value_name = "FILE")]
    pub keys: PathBuf,
    /// The lowest key version whose coins count
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub min_key_version: u32,
    /// The log's key in Vault's Transit, which signs its checkpoints. Vault is found as the vault command finds it
    #[arg(long, value_name = "NAME", required_unless_present = "log_key", value_parser = transit::parse_path)]
    pub vault_log_key: Option<String>,
    /// Where Transit is mounted
    #[arg(long, value_name = "PATH", default_value = "transit", conflicts_with = "log_key", value_parser = transit::parse_path)]
    pub vault_mount: String,
    /// The log's key in a file instead (Ed25519, PKCS#8 PEM, mode 0600), as `hashicoin-mint keygen` makes it
    #[arg(long, value_name = "FILE", conflicts_with = "vault_log_key")]
    pub log_key: Option<PathBuf>,
    /// The file that remembers which checkpoint was signed last. Made at the first start; keep it through every move and restore, and out of the store's backups
    #[arg(long, value_name = "FILE")]
    pub signed_head: PathBuf,
    /// Which witnesses have to sign a checkpoint before it is published (c2sp.org/tlog-policy), each with its address
    #[arg(long, value_name = "FILE")]
    pub witness_policy: Option<PathBuf>,
    /// The address to listen on, for /healthz and /metrics alone; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// How logs are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
}
