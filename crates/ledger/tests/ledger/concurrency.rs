//! Many at once: one coin still counts once, and every loser is shown the winner.

use std::sync::Arc;

use ledger::{Counted, Outcome};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::common::{Place, nullifier, token, vote};

const TASKS: u32 = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_different_votes_with_one_coin_are_one_vote() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let start = Arc::new(Barrier::new(TASKS as usize));
    let mut tasks = JoinSet::new();
    for weight in 1..=TASKS {
        let (ledger, start) = (ledger.clone(), Arc::clone(&start));
        tasks.spawn(async move {
            start.wait().await;
            // 1000 and each of these have different proportions, so these are all different votes.
            ledger.submit(token(1), vote(json!({"a": 1000, "b": weight}))).await
        });
    }
    let outcomes = tasks.join_all().await;
    let (winners, losers): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .map(Result::unwrap)
        .partition(|outcome| matches!(outcome, Outcome::Counted(_)));
    let [Outcome::Counted(winner)] = winners.as_slice() else {
        panic!("not exactly one was counted: {winners:?}");
    };
    for loser in losers {
        assert_eq!(loser, Outcome::Spent { first: winner.clone() });
    }
    assert_eq!(ledger.vote(&nullifier(1)).unwrap().as_ref(), Some(winner));
    drop(ledger);
    assert_eq!(place.open().tally().votes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_equal_votes_with_one_coin_have_one_record() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let ledger = ledger.clone();
        tasks.spawn(async move { ledger.submit(token(1), vote(json!({"c": 1}))).await });
    }
    let mut records: Vec<(Counted, bool)> = Vec::new();
    for outcome in tasks.join_all().await {
        match outcome.unwrap() {
            Outcome::Counted(counted) => records.push((counted, true)),
            Outcome::Repeated(counted) => records.push((counted, false)),
            other => panic!("neither counted nor repeated: {other:?}"),
        }
    }
    assert_eq!(records.iter().filter(|(_, is_new)| *is_new).count(), 1);
    assert!(records.iter().all(|(record, _)| *record == records[0].0));
    assert_eq!(ledger.tally().votes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_coins_at_once_are_numbered_without_a_gap() {
    const COINS: u64 = 500;
    let place = Place::with_ledger();
    let ledger = place.open();
    let mut tasks = JoinSet::new();
    for number in 0..COINS {
        let ledger = ledger.clone();
        tasks.spawn(async move {
            ledger
                .submit(token(number), vote(json!({"a": 1, "b": 2, "c": 3})))
                .await
        });
    }
    let mut indices: Vec<u64> = tasks
        .join_all()
        .await
        .into_iter()
        .map(|outcome| match outcome {
            Ok(Outcome::Counted(counted)) => counted.index,
            other => panic!("not counted: {other:?}"),
        })
        .collect();
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..COINS));
    drop(ledger);
    assert_eq!(place.open().tally().votes, COINS);
}
