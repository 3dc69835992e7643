//! Seeded simulation of the counting thread: the very sessions that count ([`Counter`]), over a store and a Redis that fail in every way that the real ones can.
//!
//! A seed decides everything: what is sent, how often what fails, who takes over from whom and when, and where a process is killed. `cargo xtask sim --seed N` runs
//! one again and prints what happened. The same runs go over the real stores, whose every answer must be the model's.

#[path = "../shared/common.rs"]
#[expect(dead_code, reason = "shared with the tests of the library, which want more of it")]
mod common;
mod database;
mod dice;
mod postgres;
mod redis;
mod sqlite;
mod store;
mod world;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use coin::Timestamp;
use ledger::Keys;
use vote::CampaignFile;

use self::redis::Connection;
use self::store::{OpenReal, SimulatedStore};
use self::world::{End, Report, World};
use crate::counter::Counter;
use crate::lanes::Lanes;
use crate::recent::Recent;
use crate::stop::Stop;
use crate::trouble::Trouble;

/// The same in all runs, and dear to make.
pub static CAMPAIGN: LazyLock<CampaignFile> = LazyLock::new(common::campaign);
/// The same, with a log of its issued coins.
static CAMPAIGN_WITH_ISSUANCE_LOG: LazyLock<CampaignFile> = LazyLock::new(|| {
    let mut json = common::campaign_json();
    json["issuance_log"] = serde_json::json!(true);
    common::campaign_of(&json)
});
static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::from(common::keyring()));

/// Held by whoever opens files or starts programs: one that is being started holds for a moment all that its parent has open, and a ledger in a file looks locked then.
pub static ALONE: Mutex<()> = Mutex::new(());

/// One run.
fn run(seed: u64, writers: usize, real: Option<&OpenReal>, is_traced: bool) -> Report {
    let world = Arc::new(World::new(seed, writers, real.is_some(), is_traced));
    thread::scope(|scope| {
        for writer in 0..writers {
            let world = &world;
            scope.spawn(move || write(world, writer, real));
        }
    });
    Arc::into_inner(world).expect("all writers have ended").report()
}

/// A writer's process, started again whenever it has ended, until the run is over.
fn write(world: &Arc<World>, writer: usize, real: Option<&OpenReal>) {
    loop {
        let life = AssertUnwindSafe(|| {
            world.wait_to_start(writer);
            live(world, writer, real);
        });
        if let Err(end) = catch_unwind(life) {
            match end.downcast_ref() {
                Some(End::Crash) => {}
                Some(End::Over) => return,
                None => world.violated(format!("writer {writer} panicked")),
            }
        }
    }
}

/// From the start of a process to its end, as the program does it.
fn live(world: &Arc<World>, writer: usize, real: Option<&OpenReal>) {
    let counter = Counter {
        file: world.campaign.clone(),
        keys: KEYS.clone(),
        clock: Arc::new(|| Timestamp::parse(common::NOW).expect("a time")),
        // So few that often more wait.
        batch_max: 3,
        lanes: {
            let world = Arc::clone(world);
            Lanes::InTurn(Box::new(move || {
                world.step(writer, "does two things at once", |inner| inner.dice.coin())
            }))
        },
        recent: Recent::default(),
        status: Arc::default(),
        stop: Stop::default(),
    };
    let mut store = None;
    loop {
        let trouble = match &mut store {
            Some(store) => {
                let connect = || Connection::open(world, writer);
                counter
                    .session(store, connect, || (), || ())
                    .expect_err("nobody asked it to stop")
            }
            None => match SimulatedStore::open(world, writer, real) {
                Ok(opened) => {
                    store = Some(opened);
                    continue;
                }
                Err(error) => error.into(),
            },
        };
        if let Trouble::End(failure) = &trouble {
            return world.ended(writer, failure);
        }
    }
}

/// How many writers there are in a run.
fn writers(seed: u64) -> usize {
    1 + (seed % 3) as usize
}

/// The campaign of a run: half of them log the coins that were issued.
fn campaign(seed: u64) -> &'static CampaignFile {
    if seed % 2 == 1 {
        &CAMPAIGN_WITH_ISSUANCE_LOG
    } else {
        &CAMPAIGN
    }
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is {value:?}, and no number")),
    )
}

/// Fails with all that happened in a run.
fn fail(seed: u64, what: &str, trace: &[String]) -> ! {
    panic!(
        "{}\n\nseed {seed}: {what}\nagain: cargo xtask sim --seed {seed}",
        trace.join("\n")
    );
}

/// Runs the seeds from SIM_SEED on, SIM_SEEDS of them: 10,000 from 0 on unless somebody says otherwise. A single one is told in full.
#[test]
fn every_seed_keeps_every_promise() {
    let first = number("SIM_SEED").unwrap_or(0);
    let seeds = number("SIM_SEEDS").unwrap_or(10_000);
    if seeds == 1 {
        let report = run(first, writers(first), None, true);
        match report.violation {
            Some(what) => fail(first, &what, &report.trace),
            None => return println!("{}", report.trace.join("\n")),
        }
    }
    let (next, steps) = (AtomicU64::new(first), AtomicU64::new(0));
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    let failed = thread::scope(|scope| {
        let lane = || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + seeds {
                    return None;
                }
                let report = run(seed, writers(seed), None, false);
                steps.fetch_add(report.steps.into(), Ordering::Relaxed);
                if report.violation.is_some() {
                    return Some(seed);
                }
            }
        };
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().filter_map(|lane| lane.join().expect("a lane")).min()
    });
    println!("{seeds} seeds from {first} on, {} steps", steps.into_inner());
    if let Some(seed) = failed {
        let report = run(seed, writers(seed), None, true);
        fail(
            seed,
            &report.violation.unwrap_or("it went well the second time".to_owned()),
            &report.trace,
        );
    }
}

/// Runs so many seeds, or the one that SIM_SEED says, each beside a new real store, and opens that at the end, which counts all of it again.
fn store_answers_as_the_model(
    seeds: u64,
    writers: impl Fn(u64) -> usize,
    mut make: impl FnMut(&'static CampaignFile) -> Box<OpenReal>,
) {
    let seeds = number("SIM_SEED").map_or(0..seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let real = make(campaign(seed));
        let report = run(seed, writers(seed), Some(&*real), true);
        if let Some(what) = report.violation {
            fail(seed, &what, &report.trace);
        }
        real().expect("the real store adds up");
    }
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in 0..30 {
        let [first, second] = [(); 2].map(|()| run(seed, writers(seed), None, true).trace);
        assert_eq!(first, second);
    }
}
