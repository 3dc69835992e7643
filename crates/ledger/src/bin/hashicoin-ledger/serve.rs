//! `hashicoin-ledger serve`: from the files to a counting thread, and from the signal to an orderly end.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ledger::{Keys, KeysError, LogKey, Signing};
use serde_json::json;
use service::{Failure, Metrics, RedisUrl, Shutdown, clock};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use transit::Settings;
use vote::CampaignFile;
use witness::Witnesses;

use crate::arguments::Serve;
use crate::consumer::Consumer;
use crate::counter::Counter;
use crate::lanes::Lanes;
use crate::measure::{self, Status};
use crate::recent::Recent;
use crate::stop::Stop;
use crate::{http, init};

/// How long a Vault that is away is waited for, at the start and for each checkpoint; then a checkpoint is tried again, and the program does not start.
const VAULT_PATIENCE: Duration = Duration::from_secs(10);

/// How many entries are decided in one transaction at most: larger batches gain little, and each vote waits for all of its own.
const BATCH_MAX: usize = 2048;

/// Counts until the process is told to stop.
///
/// # Errors
///
/// When a file is wrong, the address is taken, or something came up that a person must decide.
pub fn run(arguments: &Serve) -> Result<(), Failure> {
    let redis = RedisUrl::or_from_environment(arguments.redis.as_ref())?;
    let place = arguments.books.store.clone().with_password()?;
    let file = init::campaign(&arguments.books)?;
    let keys = Keys::open(&arguments.keys, arguments.min_key_version).map_err(|error| match error {
        KeysError::Read { .. } => Failure::CouldNot(error.to_string()),
        KeysError::Wrong { .. } => Failure::Refused(error.to_string()),
    })?;
    service::start_logs(arguments.log);
    let metrics = Metrics::install().map_err(|error| Failure::CouldNot(format!("could not start metrics: {error}")))?;
    measure::describe();
    let status = Arc::new(Status::default());
    let stop = Stop::default();
    let signing = signing(arguments, &file)?;
    let app = http::App {
        status: Arc::clone(&status),
        metrics,
        keys: keys.clone(),
    };
    let consumer = Consumer {
        place,
        redis,
        counter: Counter {
            file,
            keys,
            clock: Arc::new(clock::now),
            batch_max: BATCH_MAX,
            lanes: Lanes::AtOnce,
            recent: Recent::default(),
            status,
            stop: stop.clone(),
        },
        signing,
    };

    let runtime = Runtime::new().map_err(|error| Failure::CouldNot(format!("could not start threads: {error}")))?;
    let served = runtime.block_on(async {
        let mut shutdown = Shutdown::on_signals()
            .map_err(|error| Failure::CouldNot(format!("could not listen for signals: {error}")))?;
        let listener = listen(arguments.listen).await?;
        let (end, mut ended) = oneshot::channel();
        thread::Builder::new()
            .name("counting".to_owned())
            .spawn(move || end.send(consumer.run()))
            .map_err(|error| Failure::CouldNot(format!("could not start threads: {error}")))?;
        let server = tokio::spawn(axum::serve(listener, http::router(app)).into_future());
        let early = tokio::select! {
            result = &mut ended => Some(result),
            () = shutdown.begun() => None,
        };
        stop.ask();
        let result = match early {
            Some(result) => result,
            None => ended.await,
        };
        server.abort();
        result.unwrap_or_else(|_| Err(Failure::CouldNot("the counting thread panicked".to_owned())))
    });
    runtime.shutdown_background();
    served?;
    tracing::info!("stopped");
    Ok(())
}

/// The log's key, where it is, and what it signed last.
fn signing(arguments: &Serve, file: &CampaignFile) -> Result<Signing, Failure> {
    let origin = file.log_origin();
    let key = match (&arguments.log_key, &arguments.vault_log_key) {
        (Some(path), _) => LogKey::in_file(path, &origin)?,
        (None, Some(name)) => {
            let settings = Settings::from_environment()?;
            LogKey::in_vault(settings, VAULT_PATIENCE, &arguments.vault_mount, name, &origin)?
        }
        (None, None) => {
            return Err(Failure::Usage(
                "give --vault-log-key or --log-key; see --help".to_owned(),
            ));
        }
    };
    let witnesses = arguments
        .witness_policy
        .as_ref()
        .map(|path| witnesses(path, &origin, &key));
    Ok(Signing {
        witnesses: witnesses.transpose()?.map(Arc::new),
        key: Arc::new(key),
        signed_head: arguments.signed_head.clone(),
    })
}

/// The witnesses that a policy names.
fn witnesses(path: &Path, origin: &str, key: &LogKey) -> Result<Witnesses, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))?;
    let keys = key.verifier_keys()?.into_values().collect();
    Witnesses::from_policy(&text, origin, keys)
        .map_err(|what| Failure::Refused(format!("the policy {} is wrong: {what}", path.display())))
}

/// Listens, and says where.
///
/// # Errors
///
/// When the address is taken.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let could_not = |error: io::Error| Failure::CouldNot(format!("could not listen on {}: {error}", address));
    let listener = TcpListener::bind(address).await.map_err(could_not)?;
    let bound = listener.local_addr().map_err(could_not)?;
    let ready = json!({"listening": bound.to_string(), "version": env!("CARGO_PKG_VERSION")});
    writeln!(io::stdout(), "{ready}").map_err(could_not)?;
    tracing::info!(address = %bound, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok(listener)
}
