//! `hashicoin-api serve`: from the files to a running server, and from the signal to an orderly end.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vote::{CampaignFile, Nullifier};

use axum::Router;
use axum::serve::ListenerExt;
use ledger::{Keys, Ledger, LedgerError, Options, SqliteStore, Store};
use serde_json::json;
use service::{Failure, Metrics, RedisUrl, Shutdown, clock};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::arguments::Serve;
use crate::ballot_box::BallotBox;
use crate::coin_source::{CoinSource, RedisPool};
use crate::pool::{self, Import, Pool};
use crate::queue::Queue;
use crate::quota::Quota;
use crate::{books, measure, routes};

/// How many coins are handed out per minute unless something else is asked for.
const COINS_PER_MINUTE: u32 = 60;
/// How many issued coins are logged in one transaction.
const ISSUE_MAX: usize = 4096;
/// How long requests may take to finish once the server was told to stop.
const FINISH_MAX: Duration = Duration::from_secs(10);

/// Serves until the process is told to stop.
///
/// # Errors
///
/// When a file is wrong, the address is taken, or the ledger does not close in order.
pub fn run(arguments: &Serve) -> Result<(), Failure> {
    if arguments.ledger.is_some() && arguments.pool.is_none() && arguments.coins_per_minute.is_some() {
        return Err(Failure::Usage(
            "--coins-per-minute needs --pool: without it no coin is handed out".to_owned(),
        ));
    }
    let campaign = books::campaign(&arguments.campaign);
    let keys = books::keys(&arguments.keys, arguments.min_key_version);
    let (campaign, keys) = both(campaign, keys)?;
    service::start_logs(arguments.log);
    let metrics = Metrics::install().map_err(|error| Failure::CouldNot(format!("could not start metrics: {error}")))?;
    measure::describe();

    let runtime = Runtime::new().map_err(|error| Failure::CouldNot(format!("could not start threads: {error}")))?;
    let (ballot_box, pool) = match &arguments.ledger {
        Some(ledger) => open_ledger(arguments, ledger, &campaign, &keys)?,
        None => runtime.block_on(open_queue(arguments, &campaign, &keys))?,
    };
    let served = runtime.block_on(async {
        let shutdown = Shutdown::on_signals()
            .map_err(|error| Failure::CouldNot(format!("could not listen for signals: {error}")))?;
        let listener = TcpListener::bind(arguments.listen)
            .await
            .map_err(|error| Failure::CouldNot(format!("could not listen on {}: {error}", arguments.listen)))?;
        let app = App {
            ballot_box: ballot_box.clone(),
            keys,
            pool,
            metrics,
            shutdown: shutdown.clone(),
            requests: Arc::new(Semaphore::new(arguments.max_requests as usize)),
            requests_max: arguments.max_requests as usize,
            streams: Arc::new(Semaphore::new(arguments.max_streams as usize)),
        };
        serve(listener, routes::router(app), shutdown)
            .await
            .map_err(|error| Failure::CouldNot(format!("the server failed: {error}")))
    });
    let closed = ballot_box.close();
    runtime.shutdown_background();
    served.and(closed)?;
    tracing::info!("stopped");
    Ok(())
}

/// Both, or the mistakes of both: one look at the message mends everything.
fn both<A, B>(first: Result<A, Failure>, second: Result<B, Failure>) -> Result<(A, B), Failure> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(first), Err(second)) => Err(Failure::Refused(format!("{first}\n{second}"))),
        (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
    }
}

/// The ledger in this process, and the pool beside it.
fn open_ledger(
    arguments: &Serve,
    path: &Path,
    campaign: &CampaignFile,
    keys: &Keys,
) -> Result<(BallotBox, Option<CoinSource>), Failure> {
    let options = Options {
        signing: Some(books::signing(path, campaign)?),
        ..Options::new(clock::now)
    };
    let failure = |error: LedgerError| books::ledger_failure(&error);
    let mut store = SqliteStore::open(path, campaign).map_err(failure)?;
    let pool = open_pool(arguments, path, campaign, keys)?;
    if let Some(pool) = pool.as_ref().filter(|_| campaign.has_issuance_log()) {
        log_issued(pool, &mut store)?;
    }
    let ledger = Ledger::start(Box::new(store), campaign, keys.clone(), options).map_err(failure)?;
    tracing::info!(campaign = %campaign.campaign(), votes = ledger.tally().votes, "the ledger is open");
    Ok((BallotBox::Embedded(ledger), pool.map(CoinSource::File)))
}

/// Logs the coins that can be handed out from here, before any of them is.
fn log_issued(pool: &Pool, store: &mut SqliteStore) -> Result<(), Failure> {
    let serials = pool
        .serials()
        .map_err(|error| Failure::CouldNot(format!("the pool's file failed: {error}")))?;
    let coins: Vec<Nullifier> = serials.iter().map(Nullifier::of).collect();
    for coins in coins.chunks(ISSUE_MAX) {
        store
            .issue(coins, clock::now())
            .map_err(|error| books::ledger_failure(&error.into()))?;
    }
    Ok(())
}

/// The queue of the ledger that is another program, and the pool in the same Redis.
async fn open_queue(
    arguments: &Serve,
    campaign: &CampaignFile,
    keys: &Keys,
) -> Result<(BallotBox, Option<CoinSource>), Failure> {
    let url = RedisUrl::or_from_environment(arguments.redis.as_ref())?;
    let queue = Queue::open(&url, campaign, keys.clone(), arguments.max_backlog)
        .await
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let pool = RedisPool::new(
        &url,
        campaign.campaign(),
        keys.clone(),
        arguments.coins_per_minute.unwrap_or(COINS_PER_MINUTE),
    );
    Ok((BallotBox::Queued(queue), Some(CoinSource::Redis(pool))))
}

/// The pool with the directory's coins in it; `None` when no coins are handed out.
fn open_pool(arguments: &Serve, ledger: &Path, campaign: &CampaignFile, keys: &Keys) -> Result<Option<Pool>, Failure> {
    let Some(dir) = &arguments.pool else {
        return Ok(None);
    };
    let path = pool::path_beside(ledger);
    let quota = Quota::per_minute(arguments.coins_per_minute.unwrap_or(COINS_PER_MINUTE));
    let pool = Pool::open(&path, quota, keys.clone()).map_err(|error| books::pool_failure(&error))?;
    let import = Import {
        dir,
        keyring: &keys.current(),
        campaign: campaign.campaign(),
        now: clock::now(),
    };
    let imported = pool
        .import(&import)
        .map_err(|error| books::import_failure(dir, &error))?;
    tracing::info!(new = imported.new, known = imported.known, "the pool is open");
    Ok(Some(pool))
}

/// Says where it listens, and answers until told to stop; then finishes what was begun, for [`FINISH_MAX`] at most.
async fn serve(listener: TcpListener, router: Router, mut shutdown: Shutdown) -> io::Result<()> {
    let address = listener.local_addr()?;
    // Small answers leave at once instead of waiting for more to send.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let mut begun = shutdown.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move { begun.begun().await });
    let ready = json!({"listening": address.to_string(), "version": env!("CARGO_PKG_VERSION")});
    writeln!(io::stdout(), "{ready}")?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    let out_of_time = async {
        shutdown.begun().await;
        tokio::time::sleep(FINISH_MAX).await;
    };
    tokio::select! {
        result = server => result,
        () = out_of_time => {
            tracing::warn!("requests were cut off: they did not finish within {} s of the signal", FINISH_MAX.as_secs());
            Ok(())
        }
    }
}
