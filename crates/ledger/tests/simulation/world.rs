//! One run: writers that take turns, the parts that they share, what happens to those from outside, and what must hold all the time.
//!
//! Each writer is a thread, but only one of them does anything at any moment: each call of a store or of Redis is a step, and after each step the dice say
//! whose turn it is. So everything that happens follows from the seed.

use std::collections::{BTreeMap, HashSet};
use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use coin::{Refusal, SignedCoin, Timestamp};
use ledger::redis::{Decided, Names, counted_text};
use ledger::{Batch, DeadLetter, Position};
use service::Failure;
use vote::{CampaignFile, Nullifier, Vote};

use crate::simulation::common::{nullifier, token};
use crate::simulation::database::{Change, Database};
use crate::simulation::dice::{Dice, Fault};
use crate::simulation::redis::{Redis, Stream};
use crate::simulation::{CAMPAIGN, campaign};

/// Steps with faults.
const WILD_STEPS: u32 = 120;
/// Once faults stop, all must be counted and shown within so many steps.
const CALM_STEPS: u32 = 120;
/// How many coins a mint has made; each is sent about twice.
const COINS: u64 = 6;
/// A coin that was signed past the mint.
const UNANNOUNCED: u64 = COINS;

/// What ends a writer's thread from the inside.
pub enum End {
    /// Its process was killed.
    Crash,
    /// The run is over.
    Over,
}

/// Shared by the writers of one run.
pub struct World {
    pub campaign: &'static CampaignFile,
    inner: Mutex<Inner>,
    turns: Vec<Condvar>,
}

/// Everything, held by whose turn it is.
pub struct Inner {
    pub dice: Dice,
    pub database: Database,
    pub redis: Redis,
    /// Whether a real store does the same beside the model: it cannot be made to wait.
    pub is_beside_real: bool,
    /// Whether only coins count that a mint announced.
    has_issuance_log: bool,
    names: Names,
    /// All the coins that mints have ever announced.
    announced: HashSet<Nullifier>,
    /// All that was ever in the stream.
    entries: BTreeMap<Position, Sent>,
    /// How many are to be sent yet.
    to_send: usize,
    /// Whether Redis lost everything at some time.
    was_emptied: bool,
    clock_ms: u64,
    steps: u32,
    is_up: Vec<bool>,
    turn: usize,
    is_over: bool,
    violation: Option<String>,
    trace: Option<Vec<String>>,
}

/// An entry of the stream.
struct Sent {
    /// The coin and the vote; `None` if it is to be a dead letter.
    ballot: Option<(Nullifier, Vote)>,
    /// Whether the coin was announced before, to a Redis that has not lost it since.
    is_announced: bool,
    is_decided: bool,
    /// Whether Redis lost it before it was decided.
    is_lost: bool,
}

/// How a run went.
pub struct Report {
    pub violation: Option<String>,
    pub trace: Vec<String>,
    pub steps: u32,
}

impl World {
    pub fn new(seed: u64, writers: usize, is_beside_real: bool, is_traced: bool) -> World {
        let campaign = campaign(seed);
        let mut dice = Dice::new(seed);
        let to_send = 4 + dice.below(2 * COINS as usize);
        let inner = Inner {
            dice,
            database: Database::empty(),
            redis: Redis::default(),
            is_beside_real,
            has_issuance_log: campaign.has_issuance_log(),
            names: Names::new(CAMPAIGN.campaign()),
            announced: HashSet::new(),
            entries: BTreeMap::new(),
            to_send,
            was_emptied: false,
            clock_ms: 0,
            steps: 0,
            is_up: vec![false; writers],
            turn: 0,
            is_over: false,
            violation: None,
            trace: is_traced.then(Vec::new),
        };
        World {
            campaign,
            inner: Mutex::new(inner),
            turns: (0..writers).map(|_| Condvar::new()).collect(),
        }
    }

    /// Does what a writer asks of a part, when it is its turn. Does not return if the writer is killed at it.
    pub fn step<T>(&self, writer: usize, what: &str, work: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.turn(writer);
        inner.passes();
        let is_killed = inner.dice.rolls(Fault::Crash);
        let is_done = !is_killed || inner.dice.coin();
        inner.say(|| format!("writer {writer} {what}"));
        let answer = is_done.then(|| work(&mut inner));
        if is_killed {
            let when = if is_done { "after" } else { "before" };
            inner.say(|| format!("writer {writer} is killed {when} that"));
            inner.is_up[writer] = false;
        }
        inner.is_over |= inner.violation.is_some();
        self.pass_turn(inner);
        match answer {
            Some(answer) if !is_killed => answer,
            _ => resume_unwind(Box::new(End::Crash)),
        }
    }

    /// Waits until a writer that is down is started.
    pub fn wait_to_start(&self, writer: usize) {
        loop {
            let mut inner = self.turn(writer);
            inner.passes();
            let starts = inner.steps == 1 || inner.dice.is_calm || inner.dice.starts();
            if starts {
                inner.say(|| format!("writer {writer} is started"));
                inner.is_up[writer] = true;
            }
            self.pass_turn(inner);
            if starts {
                return;
            }
        }
    }

    /// A writer's program ended by itself, which it may only because another took over, or because a person has to look at a Redis that was set back.
    pub fn ended(&self, writer: usize, failure: &Failure) {
        let mut inner = self.turn(writer);
        inner.say(|| format!("writer {writer} ends: {failure}"));
        inner.is_up[writer] = false;
        let failure = failure.to_string();
        if inner.was_emptied && failure.contains("Redis was set back") {
            inner.puts_redis_right();
        } else if !failure.contains("another writer has taken the ledger over") {
            inner.violate(format!("a writer gave up: {failure}"));
        }
        self.pass_turn(inner);
    }

    /// Something that must not be was seen outside of a step.
    pub fn violated(&self, what: String) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.violate(what);
        self.pass_turn(inner);
    }

    pub fn report(self) -> Report {
        let inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        Report {
            violation: inner.violation,
            trace: inner.trace.unwrap_or_default(),
            steps: inner.steps,
        }
    }

    /// Everything, when it is this writer's turn.
    fn turn(&self, writer: usize) -> MutexGuard<'_, Inner> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |inner: &mut Inner| inner.turn != writer && !inner.is_over;
        let inner = self.turns[writer].wait_while(inner, waits);
        let inner = inner.unwrap_or_else(PoisonError::into_inner);
        if inner.is_over {
            drop(inner);
            resume_unwind(Box::new(End::Over));
        }
        inner
    }

    fn pass_turn(&self, mut inner: MutexGuard<'_, Inner>) {
        if inner.is_over {
            self.turns.iter().for_each(Condvar::notify_all);
            return;
        }
        inner.turn = inner.next_turn();
        self.turns[inner.turn].notify_all();
    }
}

impl Inner {
    /// Writes a line of the trace, if somebody wants to read it.
    pub fn say(&mut self, line: impl FnOnce() -> String) {
        let steps = self.steps;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{steps:>4} {}", line()));
        }
    }

    /// Ends the run.
    pub fn violate(&mut self, what: String) {
        self.say(|| format!("VIOLATION: {what}"));
        self.violation.get_or_insert(what);
        self.is_over = true;
    }

    /// Whose turn it is next: in the end that of each writer that is up after the other, so that none waits for ever.
    fn next_turn(&mut self) -> usize {
        let writers = self.is_up.len();
        if self.dice.is_calm {
            let in_order = (1..=writers).map(|distance| (self.turn + distance) % writers);
            return in_order.clone().find(|writer| self.is_up[*writer]).unwrap_or(self.turn);
        }
        if self.dice.switches() {
            self.dice.below(writers)
        } else {
            self.turn
        }
    }

    /// What happens between two steps.
    fn passes(&mut self) {
        self.steps += 1;
        self.clock_ms += self.dice.below(3) as u64;
        if self.steps == WILD_STEPS {
            self.dice.is_calm = true;
            self.say(|| "from here on nothing fails".to_owned());
        }
        if self.dice.rolls(Fault::Restart) {
            self.say(|| "Redis is started again".to_owned());
            self.redis.start += 1;
        }
        if self.dice.rolls(Fault::Emptied) && !self.was_emptied {
            self.empties_redis();
        }
        if self.database.late.is_some() && self.dice.coin() {
            self.arrives_late();
        }
        let more = if self.dice.is_calm {
            self.to_send
        } else {
            self.to_send.min(self.dice.below(3))
        };
        // The API makes no stream; it waits for one.
        if self.redis.stream.is_some() {
            self.to_send -= more;
            (0..more).for_each(|_| self.sends());
        }
        if self.is_settled() {
            self.is_over = true;
            self.settles();
        } else if self.steps > WILD_STEPS + CALM_STEPS {
            let queue = &self.database.state.queue;
            let what = format!(
                "{CALM_STEPS} steps after the last fault the ledger is at {}, of {} entries up to {:?}",
                queue.position,
                self.entries.len(),
                self.entries.last_key_value().map(|(position, _)| position.to_string())
            );
            self.violate(what);
        }
    }

    /// The API queues a vote: of one of few coins, so that most are sent again; and now and then somebody else writes there.
    fn sends(&mut self) {
        let Some(stream) = &mut self.redis.stream else { return };
        let (last_ms, last_sequence) = stream.last;
        let mut place = if self.clock_ms > last_ms {
            (self.clock_ms, 0)
        } else {
            (last_ms, last_sequence + 1)
        };
        // Each entry has an id of its own here, also when Redis was set back: the account at the end is one of entries.
        let mut position = Position {
            ms: place.0,
            sequence: place.1,
        };
        while self.entries.contains_key(&position) {
            position.sequence += 1;
            place.1 = position.sequence;
        }
        stream.last = place;
        let number = self.dice.below(COINS as usize + 2) as u64;
        let is_announced = number < COINS;
        let is_good = number <= UNANNOUNCED;
        // Another vote each time, so that it says which entry it is of.
        let weights = serde_json::json!({ "a": self.entries.len() + 1, "b": 1 });
        let token = if is_good {
            sent_token(number)
        } else {
            b"no coin".to_vec()
        };
        stream
            .entries
            .insert(place, [token.clone(), weights.to_string().into_bytes()]);
        let ballot = is_good.then(|| {
            let serial = SignedCoin::from_token(&token).expect("a token").coin.serial;
            let vote = Vote::parse(&weights, CAMPAIGN.charities()).expect("a vote");
            (Nullifier::of(&serial), vote)
        });
        let sent = Sent {
            ballot,
            is_announced,
            is_decided: false,
            is_lost: false,
        };
        self.entries.insert(position, sent);
        if is_announced {
            self.announces(number);
        }
        self.say(|| format!("the API queues {position}: coin {number}"));
    }

    /// A mint says that it has made a coin, and the next one, before anybody has it; and now and then again, as one that was killed does.
    fn announces(&mut self, number: u64) {
        let coins = [number, (number + 1) % COINS].map(nullifier);
        let mut waiting = self.redis.announced.values().flatten();
        let is_there = self.database.is_issued(&coins[0]) || waiting.any(|waiting| *waiting == coins[0]);
        if is_there && self.dice.coin() {
            return;
        }
        self.announced.extend(coins);
        self.redis.announce(coins.to_vec());
        self.say(|| format!("a mint announces coin {number} and the next"));
    }

    /// Redis holds no announcement any more.
    pub fn was_forgotten(&mut self) {
        if self.has_issuance_log {
            self.violate("what mints said was thrown away".to_owned());
        }
        self.redis.announced.clear();
    }

    /// An announcement of these coins is not in Redis any more.
    pub fn was_taken(&mut self, coins: &[Nullifier]) {
        if !coins.iter().all(|nullifier| self.database.is_issued(nullifier)) {
            self.violate("an announcement was deleted, and its coins not logged".to_owned());
        }
    }

    /// Logs coins in the model.
    pub fn issue(&mut self, coins: &[Nullifier], now: Timestamp) {
        if !self.has_issuance_log || !coins.iter().all(|nullifier| self.announced.contains(nullifier)) {
            self.violate("a coin was logged that no mint announced".to_owned());
        }
        self.database.issue(coins, now);
        let issued = self.database.issued.len();
        self.say(|| format!("logged coins, {issued} now"));
    }

    fn empties_redis(&mut self) {
        self.say(|| "Redis loses everything".to_owned());
        self.was_emptied = true;
        // It may be another one, on a machine whose clock is behind.
        self.clock_ms = 0;
        self.redis.empty();
        // Or one that was set back to when nothing but the stream was there.
        self.redis.stream = self.dice.coin().then(Stream::default);
        for sent in self.entries.values_mut() {
            sent.is_lost |= !sent.is_decided;
            sent.is_announced = false;
        }
    }

    /// A person does what a ledger says that has ended because Redis was set back: the entries that it will never see are to be cast again, and go.
    fn puts_redis_right(&mut self) {
        self.say(|| "somebody deletes what the store has passed and never saw".to_owned());
        let passed = self.database.state.queue.position;
        for (position, sent) in self.entries.range_mut(..=passed) {
            sent.is_lost |= !sent.is_decided;
            if let Some(stream) = self.redis.stream.as_mut().filter(|_| sent.is_lost) {
                stream.entries.remove(&(position.ms, position.sequence));
            }
        }
    }

    /// A COMMIT arrives whose sender has lost its connection; it is refused if another connection was made since.
    pub fn arrives_late(&mut self) {
        let Some((fence, change)) = self.database.late.take() else {
            return;
        };
        if fence != self.database.fence {
            return;
        }
        self.say(|| "a COMMIT arrives late".to_owned());
        match change {
            Change::Votes(batch) => {
                let kept = self.commit(&batch);
                kept.expect("it was good when it was sent");
            }
            Change::Issued(coins, now) => self.issue(&coins, now),
        }
    }

    /// Commits a batch to the model, and checks that it decides exactly the entries that it passes.
    pub fn commit(&mut self, batch: &Batch) -> Result<ledger::Appended, ledger::StoreError> {
        let before = self.database.state.queue.position;
        let appended = self.database.commit(batch)?;
        let after = appended.state.queue.position;
        self.say(|| format!("committed {} votes, up to {after}", appended.state.totals.votes));
        let mut ballots = batch.ballots.iter();
        let mut letters = batch
            .progress
            .iter()
            .flat_map(|progress| &progress.dead_letters)
            .peekable();
        let mut next = ballots.next();
        let mut wrong = None;
        for (position, sent) in self
            .entries
            .range_mut(before..=after)
            .filter(|(position, _)| **position > before)
        {
            let is_issued = |nullifier: &Nullifier| !self.has_issuance_log || self.database.is_issued(nullifier);
            let is_in_batch = match &sent.ballot {
                Some((nullifier, vote)) if is_issued(nullifier) => {
                    let is_next = next.is_some_and(|ballot| (&ballot.nullifier, &ballot.vote) == (nullifier, vote));
                    if is_next {
                        next = ballots.next();
                    }
                    is_next
                }
                Some(_) => {
                    let is_refused =
                        |letter: &&DeadLetter| letter.position == *position && letter.code == Refusal::NotIssued.code();
                    let is_next = letters.next_if(is_refused).is_some();
                    if is_next {
                        if sent.is_announced {
                            wrong = Some(format!(
                                "the entry {position} was refused, and its coin announced before"
                            ));
                        }
                        sent.ballot = None;
                    }
                    is_next
                }
                None => letters.next_if(|letter| letter.position == *position).is_some(),
            };
            if is_in_batch {
                sent.is_decided = true;
                sent.is_lost = false;
            } else if !sent.is_lost && !self.was_emptied {
                // In a Redis that was set back an entry may come in behind the batch that is under way; it must not be cut off.
                wrong = Some(format!("the entry {position} was passed and not decided"));
            }
        }
        if next.is_some() || letters.next().is_some() {
            wrong = Some(format!(
                "a batch up to {after} decides what is not between {before} and there"
            ));
        }
        if let Some(wrong) = wrong {
            self.violate(wrong);
        }
        Ok(appended)
    }

    /// Somebody could read this in Redis now; it must be so.
    pub fn was_told(&mut self, key: &str, value: &str) {
        let names = &self.names;
        let state = &self.database.state;
        let is_so = if key == names.tally() {
            Decided::read(value, CAMPAIGN.charities())
                .is_some_and(|told| told.position <= state.queue.position && told.totals.votes <= state.totals.votes)
        } else if let Some(position) = key.strip_prefix(&names.refused(Position::START).replace("0-0", "")) {
            let position = Position::parse(position).expect("a position");
            self.database
                .dead_letters
                .get(&position)
                .is_some_and(|code| code == value)
        } else if key == names.ledger() {
            true
        } else {
            let votes = &self.database.votes;
            votes.iter().any(|counted| {
                names.vote(&counted.nullifier) == key && counted_text(counted.index, &counted.leaf().entry) == value
            })
        };
        if !is_so {
            self.violate(format!("Redis was told what is not committed: {key} is {value}"));
        }
    }

    /// An entry is not in the stream any more.
    pub fn was_cut_off(&mut self, position: Position) {
        let Some(sent) = self.entries.get_mut(&position) else {
            return;
        };
        if sent.is_decided || sent.is_lost {
            return;
        }
        // Behind the position in a Redis that was set back: nobody misses another vote of a coin that has voted.
        let database = &self.database;
        let has_voted = |(nullifier, _): &(Nullifier, Vote)| database.find(nullifier).is_some();
        let is_behind = self.was_emptied && position <= database.state.queue.position;
        sent.is_lost = is_behind && sent.ballot.as_ref().is_some_and(has_voted);
        if !sent.is_lost {
            self.violate(format!("the entry {position} was cut off the stream and not decided"));
        }
    }

    /// Whether all is sent, counted and shown.
    fn is_settled(&self) -> bool {
        let shown = self.redis.keys.get(&self.names.tally());
        let state = &self.database.state;
        let decided = Decided {
            position: state.queue.position,
            totals: state.totals.clone(),
        };
        self.dice.is_calm
            && self.to_send == 0
            && (self.redis.announced.is_empty() || !self.has_issuance_log)
            && self.entries.values().all(|sent| sent.is_decided || sent.is_lost)
            && self
                .redis
                .stream
                .as_ref()
                .is_some_and(|stream| stream.entries.is_empty())
            && shown.is_some_and(|shown| *shown == decided.to_text())
    }

    /// The account at the end.
    fn settles(&mut self) {
        let database = &self.database;
        let queue = &database.state.queue;
        let decided = self.entries.values().filter(|sent| sent.is_decided);
        let ballots: Vec<&(Nullifier, Vote)> = decided.clone().filter_map(|sent| sent.ballot.as_ref()).collect();
        // Of each coin the first vote that was not lost.
        let mut firsts: Vec<&(Nullifier, Vote)> = Vec::new();
        for ballot in &ballots {
            if !firsts.iter().any(|(nullifier, _)| *nullifier == ballot.0) {
                firsts.push(ballot);
            }
        }
        let counted: Vec<(Nullifier, Vote)> = database
            .votes
            .iter()
            .map(|counted| (counted.nullifier, counted.vote.clone()))
            .collect();
        let account = (queue.accepted, queue.refused, queue.dead_lettered);
        let entries = decided.count();
        let expected = (
            firsts.len() as u64,
            (ballots.len() - firsts.len()) as u64,
            (entries - ballots.len()) as u64,
        );
        let wrong = if !firsts.into_iter().eq(&counted) {
            Some("the votes are not the first of each coin, in order".to_owned())
        } else if account != expected {
            Some(format!(
                "accepted, refused and dead letters are {account:?}, not {expected:?}"
            ))
        } else if !database.state.totals.is_conserved() {
            Some("the sums are not those of the votes".to_owned())
        } else {
            let votes = database.votes.iter().map(|counted| self.names.vote(&counted.nullifier));
            let letters = database
                .dead_letters
                .keys()
                .map(|position| self.names.refused(*position));
            // Why an entry was refused is kept for those who wait, and no longer than Redis keeps it.
            let letters = letters.filter(|_| !self.was_emptied);
            let missing = votes.chain(letters).find(|key| !self.redis.keys.contains_key(key));
            missing.map(|key| format!("Redis was never told {key}"))
        };
        match wrong {
            Some(wrong) => self.violate(wrong),
            None => self.say(|| format!("settled: {account:?}")),
        }
    }
}

/// A coin's token. The same bytes each time: to sign is the dearest thing here.
fn sent_token(number: u64) -> Vec<u8> {
    static TOKENS: std::sync::LazyLock<Vec<Vec<u8>>> =
        std::sync::LazyLock::new(|| (0..=UNANNOUNCED).map(token).collect());
    TOKENS[number as usize].clone()
}
