//! A load that rises and falls: the API is given more instances and fewer again, and the miners take what room it leaves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use service::Failure;

use super::Walk;
use crate::dev::mesh::REFILL;
use crate::http::Client;

/// How many instances there is room for, as the jobs say.
const CAPACITY: usize = 4;
/// The most that the API is given.
const MOST: usize = 3;

/// Clients at once, each of which waits so long between two requests: a hundred requests per second, or five instances' worth.
const CLIENTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(100);
/// Votes that are cast while the API grows and shrinks.
const VOTES: usize = 12;

/// How often it is looked how many there are.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many looks in a row find the same when a change is over.
const SETTLED: usize = 8;
/// How long each of the three changes may take.
const CHANGE_MAX: Duration = Duration::from_secs(120);

/// What was seen at one moment.
struct Seen {
    after: Duration,
    api: usize,
    miners: usize,
    requests_per_second: f64,
}

/// The load of the moment.
#[derive(Default)]
struct Load {
    is_on: AtomicBool,
    is_over: AtomicBool,
    answered: AtomicU64,
    /// Answers that were no answer.
    failed: AtomicU64,
}

/// The API grows with its load, the miners give way, and both come back; no vote is lost meanwhile.
pub fn scale(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let mut run = walk.nomad()?;
    run.args(["job", "run", "-detach", "-var-file"])
        .arg(walk.data.join(REFILL));
    walk.succeed(run.arg(walk.data.join("nomad/jobs/refill.nomad.hcl")))?;
    let coins = (0..VOTES).map(|number| walk.take_coin(&format!("scaling-{number}")));
    let coins = coins.collect::<Result<Vec<_>, _>>()?;
    let first = walk.charities()?.swap_remove(0);
    let before = walk.votes_counted()?;

    let load = Load::default();
    let front = walk.stage.front.base().clone();
    let stop = walk.stop.clone();
    let seen = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let client = Client::new(front.clone());
                while !load.is_over.load(Ordering::Relaxed) && !stop.asked_within(PAUSE) {
                    if load.is_on.load(Ordering::Relaxed) {
                        let is_answered = client.get("/v1/tally").is_ok_and(|answer| answer.status == 200);
                        let counter = if is_answered { &load.answered } else { &load.failed };
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let seen = watch(walk, &load, &mut coins.iter().map(coin::SignedCoin::to_token), &first);
        load.is_over.store(true, Ordering::Relaxed);
        seen
    })?;

    walk.curve = seen.iter().map(Seen::to_json).collect();
    let most = seen.iter().map(|seen| seen.api + seen.miners).max().unwrap_or_default();
    walk.assert(
        most <= CAPACITY,
        &format!("never were there more than {CAPACITY} of both, in {} looks", seen.len()),
    )?;
    let failed = load.failed.load(Ordering::Relaxed);
    walk.assert(
        failed == 0,
        &format!("all {} requests were answered", load.answered.load(Ordering::Relaxed)),
    )?;
    let stop = walk.stop;
    super::jobs::wait_for_what("the votes to be counted", stop, || {
        let counted = walk.votes_counted().map_err(|failure| failure.to_string())?;
        if counted == before + VOTES as u64 {
            Ok(())
        } else {
            Err(format!("{counted} votes, {before} before"))
        }
    })?;
    walk.assert(true, &format!("all {VOTES} votes that were cast meanwhile are counted"))?;
    let mut end = walk.nomad()?;
    walk.succeed(end.args(["job", "stop", "-purge", "-detach", "refill"]))
        .map(drop)
}

/// Raises the load and takes it away, and looks at how many there are meanwhile.
fn watch(
    walk: &mut Walk<'_>,
    load: &Load,
    tokens: &mut dyn Iterator<Item = String>,
    charity: &str,
) -> Result<Vec<Seen>, Failure> {
    let began = Instant::now();
    let mut seen = Vec::new();
    for (is_on, api, what) in [
        (
            false,
            1,
            "without a load the API has one instance, and the miners take the rest",
        ),
        (true, MOST, "with a load the API has three, and the miners give way"),
        (false, 1, "and when it is over it is as before"),
    ] {
        load.is_on.store(is_on, Ordering::Relaxed);
        let deadline = Instant::now() + CHANGE_MAX;
        let mut settled = 0;
        loop {
            let (at, answered) = (Instant::now(), load.answered.load(Ordering::Relaxed));
            walk.stop.not_asked_within(LOOK_EVERY)?;
            let (running, miners) = (walk.placed("api")?, walk.placed("refill")?);
            let more = load.answered.load(Ordering::Relaxed) - answered;
            seen.push(Seen {
                after: began.elapsed(),
                api: running,
                miners,
                #[expect(clippy::cast_precision_loss, reason = "thousands at the most")]
                requests_per_second: more as f64 / at.elapsed().as_secs_f64(),
            });
            if let Some(token) = tokens.next() {
                let mut weights = Map::new();
                weights.insert(charity.to_owned(), Value::from(1));
                let answer = walk.stage.front.vote("/v1/votes", Some(&token), &weights, None)?;
                if answer.status != 202 {
                    return Err(Failure::Refused(format!(
                        "a vote was answered {}: {}",
                        answer.status, answer.body
                    )));
                }
            }
            // For a while: who scales sees it a few seconds later, and a change on the heels of another would be shown to him as it was before.
            settled = if (running, miners) == (api, CAPACITY - api) {
                settled + 1
            } else {
                0
            };
            if settled == SETTLED {
                break;
            }
            if Instant::now() >= deadline {
                return Err(Failure::CouldNot(format!(
                    "waited {} s for {api} of the API and {} miners; last seen: {running} and {miners}",
                    CHANGE_MAX.as_secs(),
                    CAPACITY - api
                )));
            }
        }
        walk.assert(true, what)?;
    }
    Ok(seen)
}

impl Walk<'_> {
    /// How many instances of a job have a place: those that run, start or have not ended yet.
    fn placed(&self, job: &str) -> Result<usize, Failure> {
        let all = self.allocations(job)?;
        let placed = all.iter().filter(|one| {
            one["ClientStatus"] == "running" || (one["ClientStatus"] == "pending" && one["DesiredStatus"] == "run")
        });
        Ok(placed.count())
    }

    /// How many votes the tally has.
    pub fn votes_counted(&self) -> Result<u64, Failure> {
        let tally = self.stage.front.get("/v1/tally")?.json();
        Ok(tally["votes"].as_u64().unwrap_or_default())
    }
}

impl Seen {
    fn to_json(&self) -> Value {
        json!({
            "after_s": self.after.as_secs_f64(),
            "api": self.api,
            "miners": self.miners,
            "capacity": CAPACITY,
            "requests_per_second": self.requests_per_second,
        })
    }
}
