//! `hashicoin-api`: the HTTP front of a campaign.
//!
//! Two commands: `init` makes the ledger and the pool, `serve` answers. It counts votes itself (`--ledger`) or puts them into a queue (`--redis`), out of which
//! `hashicoin-ledger` counts them. It holds no signing key, and it takes no proxy's word for a coin: each is verified again.
//!
//! Exit codes: 0 done, 1 refused (what was asked for would be wrong), 2 could not (a file, a disk, an address), 64 usage.

mod answer;
mod app;
mod arguments;
mod ballot_box;
mod books;
mod charities;
mod coin_source;
mod coins;
mod health;
mod idempotency_key;
mod init;
mod limits;
mod log;
mod measure;
mod page;
mod pool;
mod prefer;
mod problem;
mod queue;
mod quota;
mod routes;
mod secure_headers;
mod serve;
mod tally;
mod vote_body;
mod votes;

use std::process::ExitCode;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments: Arguments = match service::parse_arguments() {
        Ok(arguments) => arguments,
        Err(exit_code) => return exit_code,
    };
    let result = match arguments.command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
    };
    if let Err(failure) = result {
        eprintln!("hashicoin-api: {failure}");
        return failure.exit_code();
    }
    ExitCode::SUCCESS
}
