//! `hashicoin-ledger`: takes votes out of the queue in Redis and counts each coin once, in SQLite or Postgres.
//!
//! Two commands: `init` makes the store, `serve` counts. `witness` is another program's work in the same binary, for whoever vouches for the logs of others. There is one ledger per campaign. If two are started, the one that opened the store last counts, and
//! the other ends when it notices.
//!
//! Exit codes: 0 done, 1 refused (what was asked for would be wrong), 2 could not (a file, a disk, an address, another ledger took over), 64 usage.

mod arguments;
mod consumer;
mod counter;
mod http;
mod init;
mod issued;
mod lanes;
mod log;
mod log_projection;
mod measure;
mod projection;
mod recent;
mod redis_link;
mod serve;
#[cfg(test)]
#[path = "../../../tests/simulation/mod.rs"]
mod simulation;
mod stop;
mod store;
mod stream;
mod trouble;
mod witness;

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
        Command::Witness(command) => witness::run(&command),
    };
    if let Err(failure) = result {
        eprintln!("hashicoin-ledger: {failure}");
        return failure.exit_code();
    }
    ExitCode::SUCCESS
}
