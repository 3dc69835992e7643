//! Voters: they cast what they have while things go wrong, and in the end ask again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use super::ballot::{ALL, Ballot, ONE, SOME, Told};
use crate::harness::http;
use crate::harness::wait::wait_for;
use crate::mesh::world::Mesh;
use crate::nomad::site::coins;

/// Votes that are cast at once.
const AT_ONCE: usize = 6;

/// Coins of a group of voters.
const GROUP: usize = 8;

/// Groups that vote in a round.
const GROUPS: usize = 6;

/// A coin's worth, in units.
const UNITS: u64 = 1_000_000;

/// Everybody who votes, and what was counted before.
pub struct Voters<'a> {
    mesh: &'a Mesh,
    coins: Vec<String>,
    ballots: Vec<Ballot>,
    before: Value,
}

impl Voters<'_> {
    /// Voters for so many rounds, with coins.
    pub fn with_coins(mesh: &Mesh, rounds: usize) -> Voters<'_> {
        Voters {
            mesh,
            coins: coins(mesh, "chaos", rounds * GROUPS * GROUP),
            ballots: Vec::new(),
            before: http::get(mesh.front, "/v1/tally").json(),
        }
    }

    /// Casts the votes of a round, and has something happen when a third of them is answered.
    pub fn vote_through(&mut self, fault: impl FnOnce()) {
        let coins = self.coins.split_off(self.coins.len() - GROUPS * GROUP);
        let mut round: Vec<Ballot> = coins.chunks(GROUP).flat_map(group).collect();
        let (count, front) = (round.len(), self.mesh.front);
        let (queue, answered) = (Mutex::new(round.iter_mut().enumerate()), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().unwrap().next();
                        let Some((index, ballot)) = next else { break };
                        ballot.cast(front, ["wait=2", "respond-async"][index % 2]);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            wait_for("some votes to be answered", || {
                let so_far = answered.load(Ordering::Relaxed);
                if so_far >= count / 3 {
                    Ok(())
                } else {
                    Err(so_far.to_string())
                }
            });
            fault();
        });
        self.ballots.extend(round);
    }

    /// Asks again what became of each vote, and does the account; gives the receipts that were handed out, now or before.
    pub fn settle(mut self) -> BTreeSet<String> {
        let front = self.mesh.front;
        let share = self.ballots.len().div_ceil(AT_ONCE);
        thread::scope(|scope| {
            for part in self.ballots.chunks_mut(share) {
                scope.spawn(move || part.iter_mut().for_each(|ballot| ballot.settle(front)));
            }
        });
        let (forged, good): (Vec<&Ballot>, Vec<&Ballot>) = self.ballots.iter().partition(|ballot| ballot.is_forged);
        forged.into_iter().for_each(never_counted);
        let mut coins: BTreeMap<&str, Vec<&Ballot>> = BTreeMap::new();
        for ballot in good {
            coins.entry(&ballot.coin).or_default().push(ballot);
        }
        let (mut places, mut expected) = (BTreeSet::new(), BTreeMap::new());
        for ballots in coins.values() {
            let counted = counted_once(ballots);
            assert!(places.insert(counted.told.last().unwrap().standing().unwrap()["index"].as_u64()));
            let whole: u64 = counted.weights.iter().map(|(_, weight)| weight).sum();
            for (charity, weight) in counted.weights {
                *expected.entry((*charity).to_owned()).or_insert(0) += UNITS * weight / whole;
            }
        }
        let after = http::get(front, "/v1/tally").json();
        let votes = |tally: &Value| tally["votes"].as_u64().unwrap();
        assert_eq!(votes(&after) - votes(&self.before), coins.len() as u64);
        let (before, after) = (units(&self.before), units(&after));
        let grown: BTreeMap<String, u64> = after
            .into_iter()
            .map(|(charity, units)| (charity.clone(), units - before[&charity]))
            .collect();
        assert_eq!(grown, expected);

        let told = self.ballots.iter().flat_map(|ballot| &ballot.told);
        let receipts = told.filter_map(|told| told.standing()?["receipt"].as_str());
        let receipts: BTreeSet<String> = receipts.map(str::to_owned).collect();
        // Each vote has one, the same whoever asked for it and whenever.
        assert_eq!(receipts.len(), coins.len());
        receipts
    }
}

/// The votes of a few people with eight coins: for one, some and all; a coin that is spent on two votes at once, and one on the same vote twice; a forged coin; and voters who send
/// their vote once and do not wait for what comes of it.
fn group(coins: &[String]) -> Vec<Ballot> {
    let [one, all, some, double, same, good, hasty, away] = coins else {
        panic!("a group has {GROUP} coins");
    };
    vec![
        Ballot::new(one, ONE),
        Ballot::new(double, ONE),
        Ballot::new(double, ALL),
        Ballot::new(all, ALL),
        Ballot::forged(good, ONE),
        Ballot::hasty(hasty, SOME),
        Ballot::new(same, SOME),
        Ballot::new(same, SOME),
        Ballot::new(good, ONE),
        Ballot::hasty(away, ALL),
        Ballot::new(some, SOME),
    ]
}

/// A forged coin is told so, whenever it is told anything.
fn never_counted(ballot: &Ballot) {
    for told in &ballot.told {
        assert!(
            matches!(told, Told::Nothing(_)) || matches!(told, Told::NoCoin(code) if code == "coin-bad-signature"),
            "{ballot:?}"
        );
    }
}

/// Of a coin's votes those that say the same are counted as one and the others refused, each was told so from the first answer to the last, and all of them the same of the one that counts. Gives that.
fn counted_once<'a>(ballots: &[&'a Ballot]) -> &'a Ballot {
    let told = || ballots.iter().flat_map(|ballot| &ballot.told);
    let standing: BTreeSet<String> = told()
        .filter_map(Told::standing)
        .map(|vote| format!("{} {} {}", vote["id"], vote["index"], vote["counted_at"]))
        .collect();
    assert_eq!(standing.len(), 1, "{ballots:#?}");
    assert!(!told().any(|told| matches!(told, Told::NoCoin(_))), "{ballots:#?}");
    let is_counted = |ballot: &&Ballot| ballot.told.iter().any(|told| matches!(told, Told::Counted(_)));
    let (counted, refused): (Vec<&Ballot>, Vec<&Ballot>) = ballots.iter().copied().partition(is_counted);
    let first = counted.first().unwrap_or_else(|| panic!("none counts: {ballots:#?}"));
    for ballot in &counted {
        assert!(
            !ballot.told.iter().any(|told| matches!(told, Told::Spent(_))),
            "{ballots:#?}"
        );
        assert_eq!(ballot.weights, first.weights, "{ballots:#?}");
    }
    for ballot in refused {
        assert_ne!(ballot.weights, first.weights, "{ballots:#?}");
    }
    first
}

/// What each charity has.
fn units(tally: &Value) -> BTreeMap<String, u64> {
    let charities = tally["charities"].as_array().unwrap().iter();
    charities
        .map(|one| (one["id"].as_str().unwrap().to_owned(), one["units"].as_u64().unwrap()))
        .collect()
}
