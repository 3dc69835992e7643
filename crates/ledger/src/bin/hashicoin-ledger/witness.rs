//! `hashicoin-ledger witness`: remembers what logs have shown, and signs what grows out of it.

use std::fs;
use std::sync::Arc;

use ::witness::{Memory, MemoryError, router, verifier_key};
use axum::serve::ListenerExt;
use service::{Failure, Metrics, Shutdown};
use tokio::runtime::Runtime;

use crate::arguments::{Witness, WitnessFiles, WitnessServe};
use crate::serve::listen;

/// Runs the command.
///
/// # Errors
///
/// When a file is there that must not be, or is not there that must, or is wrong; when the address is taken.
pub fn run(command: &Witness) -> Result<(), Failure> {
    match command {
        Witness::Init(files) => init(files),
        Witness::Serve(arguments) => serve(arguments),
    }
}

/// Makes both files, or none.
fn init(files: &WitnessFiles) -> Result<(), Failure> {
    key_file::create(&files.key)?;
    let made = key_file::read(&files.key)
        .and_then(|key| verifier_key(&files.name, &key))
        .and_then(|key| Memory::init(&files.memory).map(|()| key).map_err(failure));
    let key = made.inspect_err(|_| {
        // Nobody has seen it. Best effort: what stays is refused by the next init, by its name.
        let _ = fs::remove_file(&files.key);
    })?;
    println!("{key}");
    Ok(())
}

fn serve(arguments: &WitnessServe) -> Result<(), Failure> {
    let files = &arguments.files;
    let memory = Memory::open(&files.memory).map_err(failure)?;
    let key = key_file::read(&files.key)?;
    let witness = ::witness::Witness::new(&files.name, key, arguments.logs.iter().cloned(), memory)?;
    service::start_logs(arguments.log);
    let metrics = Metrics::install().map_err(|error| Failure::CouldNot(format!("could not start metrics: {error}")))?;
    let runtime = Runtime::new().map_err(|error| Failure::CouldNot(format!("could not start threads: {error}")))?;
    let served = runtime.block_on(async {
        let mut shutdown = Shutdown::on_signals()
            .map_err(|error| Failure::CouldNot(format!("could not listen for signals: {error}")))?;
        tracing::info!(key = %witness.key(), "witnessing");
        let listener = listen(arguments.listen).await?.tap_io(|stream| {
            // An answer is one line: it leaves at once.
            let _ = stream.set_nodelay(true);
        });
        let server = axum::serve(listener, router(Arc::new(witness), metrics));
        let served = server
            .with_graceful_shutdown(async move { shutdown.begun().await })
            .await;
        served.map_err(|error| Failure::CouldNot(format!("the server failed: {error}")))
    });
    runtime.shutdown_background();
    served?;
    tracing::info!("stopped");
    Ok(())
}

fn failure(error: MemoryError) -> Failure {
    match error {
        MemoryError::Io { .. } | MemoryError::Sqlite(_) => Failure::CouldNot(error.to_string()),
        error => Failure::Refused(error.to_string()),
    }
}
