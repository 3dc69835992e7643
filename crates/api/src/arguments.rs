//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use service::{LogFormat, RedisUrl};

/// The HTTP front of a campaign: charities, coins, votes, the tally and the page. Holds no signing key.
#[derive(Parser)]
#[command(version, after_help = "Exit codes: 0 done, 1 refused, 2 could not, 64 usage.")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Make the ledger of a campaign, and beside it the pool of coins (FILE.pool.sqlite) and the key that signs the log (FILE.log-key). Once per campaign.
    ///
    /// Prints the key's public half, for whoever checks the log.
    Init(Init),
    /// Serve the API until SIGTERM or SIGINT.
    ///
    /// When it is ready it prints one line on standard output, {"listening":"ADDRESS:PORT","version":"…"}. Logs go to standard error; RUST_LOG
    /// chooses their level.
    Serve(Serve),
}

#[derive(Args)]
pub struct Init {
    /// The ledger's file
    #[arg(long, value_name = "FILE")]
    pub ledger: PathBuf,
    /// The campaign file (JSON): what is donated, and the charities
    #[arg(long, value_name = "FILE")]
    pub campaign: PathBuf,
}

#[derive(Args)]
pub struct Serve {
    /// The ledger's file, to count votes in this process
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// The Redis that queues votes for `hashicoin-ledger`, as redis://HOST:PORT. With a password, put it into HASHICOIN_REDIS_URL instead
    #[arg(long, value_name = "URL", conflicts_with = "ledger", value_parser = RedisUrl::from_argument)]
    pub redis: Option<RedisUrl>,
    /// How many votes may wait in Redis; more are answered 503
    #[arg(long, value_name = "N", default_value_t = 100_000, conflicts_with = "ledger", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_backlog: u32,
    /// The campaign file (JSON): what is donated, and the charities
    #[arg(long, value_name = "FILE")]
    pub campaign: PathBuf,
    /// The public keys, as `vault read -format=json transit/keys/NAME` prints them; read again when the file changes
    #[arg(long, value_name = "FILE")]
    pub keys: PathBuf,
    /// The lowest key version whose coins count
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub min_key_version: u32,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// A directory of *.coin.txt files to hand out; those not in the pool yet are taken in at start. Without it, no coin is handed out. With --redis, coins come from the pool there
    #[arg(long, value_name = "DIR", requires = "ledger")]
    pub pool: Option<PathBuf>,
    /// How many coins are handed out per minute, all receivers together; 60 unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub coins_per_minute: Option<u32>,
    /// How many requests are worked on at once; more are answered 503
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub max_requests: u32,
    /// How many clients may follow the tally at once; more are answered 503
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub max_streams: u32,
    /// How logs are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
}
