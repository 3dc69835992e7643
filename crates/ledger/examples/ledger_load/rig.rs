//! The ledger with its Redis and its Postgres, and who watches what it tells.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use coin::Timestamp;
use ledger::LogKind;
use ledger::redis::{Decided, Entry, Names};
use ledger::{Batch, KeptCheckpoint, PostgresStore, PostgresUrl, Store};
use redis::Connection;
use servers::postgres::{DATABASE, LEDGER, OWNER};
use servers::process::Process;
use servers::wait::wait_up_to;
use servers::{Postgres, Redis};
use tempfile::TempDir;
use vote::Charities;

use crate::alone;
use crate::latency::Latency;
use crate::votes::{Maker, campaign_json};

/// How many rows the ledger is filled with in one transaction.
const FILL: u64 = 8192;
/// How long the ledger may take to tell Redis of all that it was filled with, or to count a round's votes.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often votes are sent in the open loop. One that was due in between is late, and waits as long as it does.
const TICK: Duration = Duration::from_millis(5);

/// A ledger that counts. In the order in which they end.
pub struct Rig {
    ledger: Process,
    pub watch: Watch,
    names: Names,
    redis: Redis,
    pub postgres: Postgres,
    directory: TempDir,
}

/// How fast votes were counted that all waited, and the processor time of one of them by part.
pub struct CountedVotes {
    pub votes_per_s: f64,
    pub batch: f64,
    pub ledger_us: f64,
    pub postgres_us: f64,
    pub redis_us: f64,
}

impl Rig {
    /// With a ledger of this many rows, and all that it tells told.
    pub fn start(rows: u64, maker: &mut Maker) -> Rig {
        let directory = TempDir::new().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("campaign.json"), campaign_json().to_string()).unwrap();
        fs::write(path("keys.json"), maker.keys_json().to_string()).unwrap();
        key_file::create(&path("log-key.pem")).unwrap();
        // Else a checkpoint of Postgres' own falls into one round and not into another; and below, a new file of Redis'.
        let postgres = Postgres::start_with(&["max_wal_size=8GB", "checkpoint_timeout=1h"]);
        fill(&postgres, rows, maker);
        alone::make(&postgres);
        let durable = ["--appendonly", "yes", "--appendfsync", "always"];
        let redis = Redis::start_with(&[&durable[..], &["--auto-aof-rewrite-percentage", "0"]].concat());
        let names = Names::new(maker.campaign.campaign());
        let watch = Watch::start(&redis, &names, maker.campaign.charities().clone());
        let program = std::env::current_exe().unwrap();
        let program = program.ancestors().nth(2).unwrap().join("hashicoin-ledger");
        let mut serve = Command::new(program);
        serve.arg("serve").arg("--store").arg(postgres.url(LEDGER));
        serve.arg("--campaign").arg(path("campaign.json"));
        serve.arg("--keys").arg(path("keys.json"));
        serve.arg("--log-key").arg(path("log-key.pem"));
        serve.arg("--signed-head").arg(path("signed-head"));
        serve.args(["--listen", "127.0.0.1:0"]);
        serve.env(PostgresUrl::PASSWORD_FILE, postgres.password_file());
        serve.env("HASHICOIN_REDIS_URL", redis.url());
        let mut ledger = Process::start("hashicoin-ledger", &mut serve);
        // Two threads of the ledger tell, each at its own pace.
        let told = wait_up_to(PATIENCE, || {
            ledger.still_runs();
            watch.counted(rows).and_then(|()| watch.published(rows))
        });
        told.unwrap();
        Rig {
            ledger,
            watch,
            names,
            redis,
            postgres,
            directory,
        }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Puts all of these into the stream in one step, and measures from the first batch of them that is counted and told to the last.
    pub fn count(&self, votes: &[(String, String)]) -> CountedVotes {
        let from = self.watch.votes();
        let mut redis = connect(&self.redis);
        let mut push = self.push(votes);
        push.atomic();
        let before = self.cpu_us();
        push.exec(&mut redis).unwrap();
        let to = from + votes.len() as u64;
        wait_up_to(PATIENCE, || self.watch.counted(to)).unwrap();
        let used = self.cpu_us();
        let told: Vec<(Instant, u64)> = self
            .watch
            .told(|seen| &seen.votes)
            .into_iter()
            .filter(|(_, votes)| *votes > from)
            .collect();
        let ((began, first), (ended, last)) = (told[0], told[told.len() - 1]);
        let each = |part: usize| (used[part] - before[part]) / votes.len() as f64;
        CountedVotes {
            votes_per_s: (last - first) as f64 / (ended - began).as_secs_f64(),
            batch: votes.len() as f64 / told.len() as f64,
            ledger_us: each(0),
            postgres_us: each(1),
            redis_us: each(2),
        }
    }

    /// Sends these at this speed, and says how long it took from when each was due until Redis had the checkpoint that its receipt needs.
    #[expect(clippy::disallowed_methods, reason = "votes come when they are due")]
    pub fn receipts(&self, votes: &[(String, String)], per_s: f64) -> Latency {
        let from = self.watch.votes();
        wait_up_to(PATIENCE, || self.watch.published(from)).unwrap();
        let mut redis = connect(&self.redis);
        let interval = Duration::from_secs_f64(1.0 / per_s);
        let began = Instant::now();
        let mut sent = 0;
        while sent < votes.len() {
            let due = ((began.elapsed().as_secs_f64() * per_s) as usize).min(votes.len());
            if due > sent {
                self.push(&votes[sent..due]).exec(&mut redis).unwrap();
                sent = due;
            }
            thread::sleep(TICK);
        }
        let to = from + votes.len() as u64;
        wait_up_to(PATIENCE, || self.watch.published(to)).unwrap();
        let covered = self.watch.told(|seen| &seen.covered).into_iter();
        let covered: Vec<(Instant, u64)> = covered
            .filter(|(_, size)| *size > from)
            .map(|(when, size)| (when, size - from))
            .collect();
        Latency::of(votes.len(), began, interval, &covered)
    }

    /// The same while Redis writes its file anew, as it does by itself whenever that has doubled: another process, which has as much to do as the ledger.
    pub fn receipts_while_redis_rewrites(&self, votes: &[(String, String)], per_s: f64) -> Latency {
        let _: String = self.redis.ask(&["BGREWRITEAOF"]);
        let receipts = self.receipts(votes, per_s);
        let is_done = || {
            let persistence: String = self.redis.ask(&["INFO", "persistence"]);
            let is_done = persistence.contains("aof_rewrite_in_progress:0");
            if is_done { Ok(()) } else { Err(persistence) }
        };
        wait_up_to(PATIENCE, is_done).unwrap();
        receipts
    }

    /// The table of votes with its indexes.
    pub fn bytes_per_row(&self) -> f64 {
        let bytes = self.postgres.sql("SELECT pg_total_relation_size('ledger.votes')");
        bytes.parse::<f64>().unwrap() / self.watch.votes() as f64
    }

    fn push(&self, votes: &[(String, String)]) -> redis::Pipeline {
        let [token, weights] = Entry::FIELDS;
        let mut push = redis::pipe();
        for vote in votes {
            push.cmd("XADD").arg(self.names.votes()).arg("*");
            push.arg(token).arg(&vote.0).arg(weights).arg(&vote.1).ignore();
        }
        push
    }

    /// The processor time so far of the ledger, Postgres and Redis.
    fn cpu_us(&self) -> [f64; 3] {
        let postgres = self.postgres.sql("SELECT pid FROM pg_stat_activity");
        let postgres = postgres.lines().filter_map(|pid| used_us(pid.parse().unwrap())).sum();
        let redis: String = self.redis.ask(&["INFO", "cpu"]);
        let redis = redis.lines().filter_map(|line| {
            let (name, seconds) = line.split_once(':')?;
            let is_whole = matches!(name, "used_cpu_sys" | "used_cpu_user");
            is_whole.then(|| seconds.parse::<f64>().unwrap() * 1e6)
        });
        [used_us(self.ledger.id()).unwrap(), postgres, redis.sum()]
    }
}

/// Through the store itself, which does not look at signatures.
fn fill(postgres: &Postgres, rows: u64, maker: &mut Maker) {
    PostgresStore::init(&url(postgres, DATABASE, OWNER), &maker.campaign, Some(LEDGER)).unwrap();
    let mut store = PostgresStore::open(&url(postgres, DATABASE, LEDGER), &maker.campaign).unwrap();
    let mut left = rows;
    while left > 0 {
        let batch = Batch {
            ballots: maker.rows(left.min(FILL)),
            counted_at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
            progress: None,
        };
        store.append(&batch).unwrap();
        left -= batch.ballots.len() as u64;
    }
    postgres.sql("VACUUM ANALYZE ledger.votes; CHECKPOINT");
}

/// Where a role finds a database of this server.
pub fn url(postgres: &Postgres, database: &str, role: &str) -> PostgresUrl {
    let address = postgres.address();
    let url = PostgresUrl::parse(&format!("postgres://{role}@{address}/{database}")).unwrap();
    url.with_password(postgres.password())
}

fn connect(redis: &Redis) -> Connection {
    redis::Client::open(redis.url()).unwrap().get_connection().unwrap()
}

/// User and system time of a process with its threads, in microseconds; `None` of one that has ended. The unit of its fields is a hundredth of a second
/// (`proc_pid_stat(5)`, `USER_HZ`).
fn used_us(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks = |place: usize| rest.split_whitespace().nth(place)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) * 10_000.0)
}

/// What the ledger has told, each with the moment when it was heard.
#[derive(Default)]
struct Seen {
    votes: Vec<(Instant, u64)>,
    covered: Vec<(Instant, u64)>,
}

/// Hears what the ledger tells.
pub struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    fn start(redis: &Redis, names: &Names, charities: Charities) -> Watch {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (mut redis, heard) = (connect(redis), Arc::clone(&seen));
        let [committed, published] = [names.committed(), names.published(LogKind::Votes)];
        let (ready, is_ready): (Sender<()>, Receiver<()>) = channel();
        thread::spawn(move || {
            let mut channels = redis.as_pubsub();
            channels.subscribe(&[&committed, &published]).unwrap();
            ready.send(()).unwrap();
            // Until Redis ends.
            while let Ok(message) = channels.get_message() {
                let when = Instant::now();
                let text: String = message.get_payload().unwrap();
                let mut seen = heard.lock().unwrap();
                if message.get_channel_name() == committed {
                    let votes = Decided::read(&text, &charities).unwrap().totals.votes;
                    seen.votes.push((when, votes));
                } else {
                    seen.covered.push((when, KeptCheckpoint::from_note(text).unwrap().size));
                }
            }
        });
        is_ready.recv().unwrap();
        Watch(seen)
    }

    fn told(&self, which: impl Fn(&Seen) -> &Vec<(Instant, u64)>) -> Vec<(Instant, u64)> {
        which(&self.0.lock().unwrap()).clone()
    }

    /// How many votes are counted.
    pub fn votes(&self) -> u64 {
        self.0.lock().unwrap().votes.last().map_or(0, |(_, votes)| *votes)
    }

    /// How many votes are under a checkpoint.
    fn covered(&self) -> u64 {
        self.0.lock().unwrap().covered.last().map_or(0, |(_, size)| *size)
    }

    fn counted(&self, votes: u64) -> Result<(), String> {
        let counted = self.votes();
        if counted >= votes {
            Ok(())
        } else {
            Err(format!("{counted} of {votes} are counted"))
        }
    }

    fn published(&self, votes: u64) -> Result<(), String> {
        let covered = self.covered();
        if covered >= votes {
            Ok(())
        } else {
            Err(format!("{covered} of {votes} have receipts"))
        }
    }
}
