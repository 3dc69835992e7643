//! When a commit fails, both ways, and when the queue is full: nobody is told what is not so, and nothing is counted twice.

use std::time::{Duration, Instant};

use ledger::{Ledger, LedgerError, Options, Outcome, SubmitError};
use serde_json::json;
use servers::wait::wait_for;

use crate::common::{Place, begin, nullifier, token, vote};
use crate::stage::{Fault, Stage};

#[tokio::test]
async fn a_commit_that_fails_is_unknown_and_sending_again_finds_out() {
    for fault in [Fault::Lost, Fault::Kept] {
        let place = Place::with_ledger();
        let stage = Stage::default();
        let ledger = stage.open(&place, place.clock.options());
        let submit = |number, weights| ledger.submit(token(number), vote(weights));

        let Ok(Outcome::Counted(before)) = submit(1, json!({"a": 1})).await else {
            panic!("{fault:?}")
        };
        stage.fail(fault);
        assert_eq!(submit(2, json!({"b": 1})).await, Err(SubmitError::Unknown), "{fault:?}");

        // The state was read back before the answer: what is said now is the truth.
        let is_kept = fault == Fault::Kept;
        assert_eq!(ledger.tally().votes, if is_kept { 2 } else { 1 }, "{fault:?}");
        assert_eq!(ledger.vote(&nullifier(2)).unwrap().is_some(), is_kept, "{fault:?}");

        match submit(2, json!({"b": 1})).await {
            Ok(Outcome::Counted(counted)) if !is_kept => assert_eq!(counted.index, 1),
            Ok(Outcome::Repeated(counted)) if is_kept => assert_eq!(counted.index, 1),
            other => panic!("{fault:?}: {other:?}"),
        }
        assert!(
            matches!(submit(2, json!({"c": 1})).await, Ok(Outcome::Spent { .. })),
            "{fault:?}"
        );
        assert_eq!(
            submit(1, json!({"a": 1})).await,
            Ok(Outcome::Repeated(before)),
            "{fault:?}"
        );
        let Ok(Outcome::Counted(next)) = submit(3, json!({"a": 1})).await else {
            panic!("{fault:?}")
        };
        assert_eq!(next.index, 2, "{fault:?}");
        ledger.drain().unwrap();
        assert_eq!(place.open().tally().votes, 3, "{fault:?}");
    }
}

#[tokio::test]
async fn a_failed_batch_is_lost_or_kept_as_a_whole() {
    for fault in [Fault::Lost, Fault::Kept] {
        let place = Place::with_ledger();
        let stage = Stage::default();
        let ledger = stage.open(&place, place.clock.options());
        stage.hold();
        let filler = begin(&ledger, token(0), vote(json!({"a": 1}))).await;
        stage.wait_for_batches(1);
        let mut answers = Vec::new();
        for number in 1..=5 {
            answers.push(begin(&ledger, token(number), vote(json!({"b": 1}))).await);
        }
        // The filler is fine, the batch of five fails.
        stage.release_one_then(fault);
        assert!(matches!(filler.await.unwrap(), Ok(Outcome::Counted(_))), "{fault:?}");
        for answer in answers {
            assert_eq!(answer.await.unwrap(), Err(SubmitError::Unknown), "{fault:?}");
        }
        assert_eq!(stage.batches(), [1, 5], "{fault:?}");
        assert_eq!(
            ledger.tally().votes,
            if fault == Fault::Kept { 6 } else { 1 },
            "{fault:?}"
        );
        ledger.drain().unwrap();
        place.open();
    }
}

#[tokio::test]
async fn a_real_failure_in_the_middle_of_a_batch_leaves_nothing_of_it() {
    let place = Place::with_ledger();
    let stage = Stage::default();
    let ledger = stage.open(&place, place.clock.options());
    place
        .sql()
        .execute_batch(
            "CREATE TRIGGER trouble BEFORE INSERT ON votes WHEN NEW.vote_index = 3
             BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .unwrap();
    stage.hold();
    let filler = begin(&ledger, token(0), vote(json!({"a": 1}))).await;
    stage.wait_for_batches(1);
    let mut answers = Vec::new();
    for number in 1..=5 {
        answers.push(begin(&ledger, token(number), vote(json!({"b": 1}))).await);
    }
    stage.release();
    assert!(matches!(filler.await.unwrap(), Ok(Outcome::Counted(_))));
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Err(SubmitError::Unknown));
    }
    assert_eq!(ledger.tally().votes, 1);
    assert_eq!(ledger.vote(&nullifier(1)).unwrap(), None);

    // The trouble passes, and the same writer counts on.
    place.sql().execute_batch("DROP TRIGGER trouble").unwrap();
    for number in 1..=5 {
        let outcome = ledger.submit(token(number), vote(json!({"b": 1}))).await;
        assert!(matches!(outcome, Ok(Outcome::Counted(counted)) if counted.index == number));
    }
    ledger.drain().unwrap();
    assert_eq!(place.open().tally().votes, 6);
}

/// A ledger with a vote, whose second failed and was kept, and which cannot read back what it holds. The third waited behind the second.
async fn away(place: &Place, stage: &Stage) -> Ledger {
    let ledger = stage.open(place, place.clock.options());
    let first = ledger.submit(token(1), vote(json!({"a": 1}))).await;
    assert!(matches!(first, Ok(Outcome::Counted(_))), "{first:?}");
    stage.hold();
    let failing = begin(&ledger, token(2), vote(json!({"a": 1}))).await;
    stage.wait_for_batches(2);
    let waiting = begin(&ledger, token(3), vote(json!({"a": 1}))).await;
    stage.break_recovery();
    stage.fail(Fault::Kept);
    stage.release();
    assert_eq!(failing.await.unwrap(), Err(SubmitError::Unknown));
    assert_eq!(waiting.await.unwrap(), Err(SubmitError::Closed));
    ledger
}

#[tokio::test]
async fn a_writer_that_cannot_read_its_state_back_takes_nothing_until_it_can() {
    let place = Place::with_ledger();
    let stage = Stage::default();
    let ledger = away(&place, &stage).await;
    let submit = |number| ledger.submit(token(number), vote(json!({"a": 1})));
    assert!(!ledger.is_open());
    assert_eq!(submit(4).await, Err(SubmitError::Closed));
    // What was durable can still be shown, and nobody is told what is not known.
    assert!(ledger.vote(&nullifier(1)).unwrap().is_some());
    assert_eq!(ledger.tally().votes, 1);

    stage.mend_recovery();
    wait_for("the ledger to be open", || {
        ledger.is_open().then_some(()).ok_or_else(|| "it is not".to_owned())
    });
    assert_eq!(ledger.tally().votes, 2);
    assert!(matches!(submit(2).await, Ok(Outcome::Repeated(counted)) if counted.index == 1));
    assert!(matches!(submit(3).await, Ok(Outcome::Counted(counted)) if counted.index == 2));
    ledger.drain().unwrap();
    assert_eq!(place.open().tally().votes, 3);
}

#[tokio::test]
async fn a_ledger_whose_store_is_away_ends_when_it_is_told_to_and_says_why() {
    let place = Place::with_ledger();
    let stage = Stage::default();
    let ledger = away(&place, &stage).await;
    let mut watch = ledger.subscribe();
    assert!(matches!(ledger.drain(), Err(LedgerError::Stopped(why)) if why.contains("no recovery")));
    assert!(watch.changed().await.is_err(), "the watch ends with the writer");
    assert_eq!(place.open().tally().votes, 2);
}

#[tokio::test]
async fn a_store_that_went_back_in_time_stops_the_writer() {
    let place = Place::with_ledger();
    let stage = Stage::default();
    let ledger = stage.open(&place, place.clock.options());
    for number in 1..=2 {
        ledger.submit(token(number), vote(json!({"a": 1}))).await.unwrap();
    }
    // Consistent in itself, as a restored backup would be, but older than what was already said.
    place
        .sql()
        .execute_batch(
            "DELETE FROM votes WHERE vote_index = 1;
             UPDATE head SET votes = 1, root = (SELECT leaf_hash FROM votes WHERE vote_index = 0);
             UPDATE totals SET units = 1000000 WHERE position = 0",
        )
        .unwrap();
    stage.fail(Fault::Lost);
    assert_eq!(
        ledger.submit(token(3), vote(json!({"a": 1}))).await,
        Err(SubmitError::Unknown)
    );
    assert!(matches!(ledger.drain(), Err(LedgerError::Stopped(why)) if why.contains("2 votes before")));
}

#[tokio::test]
async fn a_writer_that_panics_leaves_nobody_waiting() {
    let place = Place::with_ledger();
    let stage = Stage::default();
    let ledger = stage.open(&place, place.clock.options());
    stage.fail(Fault::Panic);
    assert_eq!(
        ledger.submit(token(1), vote(json!({"a": 1}))).await,
        Err(SubmitError::Unknown)
    );
    assert!(matches!(ledger.drain(), Err(LedgerError::Stopped(_))));
    assert_eq!(place.open().tally().votes, 0);
}

#[tokio::test]
async fn a_full_queue_is_busy_and_what_was_taken_is_counted() {
    let place = Place::with_ledger();
    let stage = Stage::default();
    let ledger = stage.open(
        &place,
        Options {
            queue_capacity: 2,
            ..place.clock.options()
        },
    );
    stage.hold();
    let mut taken = vec![begin(&ledger, token(1), vote(json!({"a": 1}))).await];
    stage.wait_for_batches(1);
    for number in 2..=3 {
        taken.push(begin(&ledger, token(number), vote(json!({"a": 1}))).await);
    }
    for _ in 0..3 {
        assert_eq!(
            ledger.submit(token(4), vote(json!({"a": 1}))).await,
            Err(SubmitError::Busy)
        );
    }
    stage.release();
    for answer in taken {
        assert!(matches!(answer.await.unwrap(), Ok(Outcome::Counted(_))));
    }
    let outcome = ledger.submit(token(4), vote(json!({"a": 1}))).await;
    assert!(matches!(outcome, Ok(Outcome::Counted(counted)) if counted.index == 3));
}

#[tokio::test]
async fn a_batch_is_what_is_waiting_up_to_its_limit() {
    let place = Place::with_ledger();
    let stage = Stage::default();
    let ledger = stage.open(
        &place,
        Options {
            batch_max: 4,
            ..place.clock.options()
        },
    );
    stage.hold();
    let mut answers = vec![begin(&ledger, token(0), vote(json!({"a": 1}))).await];
    stage.wait_for_batches(1);
    for number in 1..=10 {
        answers.push(begin(&ledger, token(number), vote(json!({"a": 1}))).await);
    }
    stage.release();
    for (index, answer) in (0..).zip(answers) {
        assert!(matches!(answer.await.unwrap(), Ok(Outcome::Counted(counted)) if counted.index == index));
    }
    assert_eq!(stage.batches(), [1, 4, 4, 2]);
}

#[tokio::test]
async fn one_coin_several_times_in_one_batch_counts_once_and_the_first_wins() {
    let place = Place::with_ledger();
    let stage = Stage::default();
    let ledger = stage.open(&place, place.clock.options());
    stage.hold();
    let filler = begin(&ledger, token(0), vote(json!({"a": 1}))).await;
    stage.wait_for_batches(1);
    let winner = begin(&ledger, token(1), vote(json!({"a": 1}))).await;
    let same = begin(&ledger, token(1), vote(json!({"a": 5}))).await;
    let other = begin(&ledger, token(1), vote(json!({"b": 1}))).await;
    let next = begin(&ledger, token(2), vote(json!({"b": 1}))).await;
    stage.release();
    filler.await.unwrap().unwrap();
    let Ok(Outcome::Counted(first)) = winner.await.unwrap() else {
        panic!("the first should win")
    };
    assert_eq!(same.await.unwrap(), Ok(Outcome::Repeated(first.clone())));
    assert_eq!(other.await.unwrap(), Ok(Outcome::Spent { first }));
    assert!(matches!(next.await.unwrap(), Ok(Outcome::Counted(counted)) if counted.index == 2));
    assert_eq!(stage.batches(), [1, 4]);
}

#[tokio::test]
async fn draining_and_dropping_finish_what_was_taken() {
    for is_drained in [true, false] {
        let place = Place::with_ledger();
        let stage = Stage::default();
        let ledger = stage.open(&place, place.clock.options());
        stage.hold();
        let mut answers = vec![begin(&ledger, token(0), vote(json!({"a": 1}))).await];
        stage.wait_for_batches(1);
        for number in 1..=5 {
            answers.push(begin(&ledger, token(number), vote(json!({"a": 1}))).await);
        }
        // This submitter leaves; its vote was taken all the same.
        let leaver = answers.pop().unwrap();
        leaver.abort();
        assert!(leaver.await.unwrap_err().is_cancelled());
        if is_drained {
            let other = ledger.clone();
            let draining = std::thread::spawn(move || ledger.drain());
            let deadline = Instant::now() + Duration::from_secs(20);
            while other.is_open() {
                assert!(
                    Instant::now() < deadline,
                    "the ledger is still open, last seen: batches {:?}",
                    stage.batches()
                );
                std::thread::yield_now();
            }
            assert_eq!(
                other.submit(token(9), vote(json!({"a": 1}))).await,
                Err(SubmitError::Closed)
            );
            stage.release();
            for answer in answers {
                assert!(matches!(answer.await.unwrap(), Ok(Outcome::Counted(_))));
            }
            draining.join().unwrap().unwrap();
        } else {
            stage.release();
            // The last handle may be one of the answers' own; whichever it is, dropping it waits for the writer.
            drop(ledger);
            for answer in answers {
                assert!(matches!(answer.await.unwrap(), Ok(Outcome::Counted(_))));
            }
        }
        assert_eq!(place.open().tally().votes, 6);
    }
}
