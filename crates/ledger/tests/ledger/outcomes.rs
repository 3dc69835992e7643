//! What submitters hear, and what can be looked up afterwards.

use vote::Vote;

use coin::{Refusal, SignedCoin, Timestamp};
use ledger::{Counted, Ledger, Outcome, SubmitError};
use serde_json::json;

use crate::common::{NOW, Place, campaign_json, campaign_of, keyring, nullifier, token, token_with, vote};

async fn count(ledger: &Ledger, number: u64, vote: Vote) -> Counted {
    match ledger.submit(token(number), vote).await {
        Ok(Outcome::Counted(counted)) => counted,
        other => panic!("coin {number} should have been counted: {other:?}"),
    }
}

#[tokio::test]
async fn a_good_coin_is_counted_and_its_vote_can_be_looked_up() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let counted = count(&ledger, 1, vote(json!({"a": 2, "b": 4}))).await;
    assert_eq!(
        counted,
        Counted {
            nullifier: nullifier(1),
            index: 0,
            vote: vote(json!({"a": 1, "b": 2})),
            units: vec![333_333, 666_667, 0],
            coin: SignedCoin::from_token(&token(1)).unwrap(),
            counted_at: Timestamp::parse(NOW).unwrap(),
        }
    );
    assert_eq!(ledger.vote(&nullifier(1)).unwrap(), Some(counted));
    assert_eq!(ledger.vote(&nullifier(2)).unwrap(), None);
    assert_eq!(count(&ledger, 2, vote(json!({"c": 1}))).await.index, 1);
}

#[tokio::test]
async fn the_same_vote_again_has_the_same_record_whatever_its_spelling_and_the_time() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let counted = count(&ledger, 1, vote(json!({"a": 1, "b": 1}))).await;
    place.clock.set("2026-06-01T00:00:00Z");
    let again = ledger.submit(token(1), vote(json!({"b": 70, "a": 70}))).await;
    assert_eq!(again, Ok(Outcome::Repeated(counted)));
    assert_eq!(ledger.tally().votes, 1);
}

#[tokio::test]
async fn another_vote_of_a_spent_coin_names_the_first_and_changes_nothing() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let first = count(&ledger, 1, vote(json!({"a": 1}))).await;
    let tally = ledger.tally();
    let second = ledger.submit(token(1), vote(json!({"a": 1, "b": 1}))).await;
    assert_eq!(second, Ok(Outcome::Spent { first: first.clone() }));
    assert_eq!(ledger.tally(), tally);
    assert_eq!(ledger.vote(&nullifier(1)).unwrap(), Some(first));
}

#[tokio::test]
async fn one_serial_is_one_coin_whichever_key_signed_it_and_whenever_it_expires() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let first = count(&ledger, 1, vote(json!({"a": 1}))).await;
    let twin = token_with("hashiconf-2020", 1, "2031-01-01T00:00:00Z", 2);
    assert_eq!(
        ledger.submit(twin.clone(), vote(json!({"a": 1}))).await,
        Ok(Outcome::Repeated(first.clone()))
    );
    assert_eq!(
        ledger.submit(twin, vote(json!({"b": 1}))).await,
        Ok(Outcome::Spent { first })
    );
}

#[tokio::test]
async fn a_bad_coin_is_refused_by_the_ledger_itself() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let mut forged = token(1);
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    for (token, refusal) in [
        (forged, Refusal::BadSignature),
        (
            token_with("hashiconf-2020", 1, "2025-01-01T00:00:00Z", 1),
            Refusal::Expired,
        ),
        (token_with("hashiconf-2020", 1, NOW, 1), Refusal::Expired),
        (
            token_with("another", 1, "2030-01-01T00:00:00Z", 1),
            Refusal::WrongCampaign,
        ),
        (
            token_with("hashiconf-2020", 1, "2030-01-01T00:00:00Z", 3),
            Refusal::KeyUnknown,
        ),
        (b"nonsense".to_vec(), Refusal::Malformed),
        (Vec::new(), Refusal::Malformed),
        (vec![b'a'; 513], Refusal::TooLong),
        (vec![b'a'; 10_000_000], Refusal::TooLong),
    ] {
        let outcome = ledger.submit(token, vote(json!({"a": 1}))).await;
        assert_eq!(outcome, Ok(Outcome::Refused(refusal)));
    }
    assert_eq!(ledger.tally().votes, 0);
    assert_eq!(ledger.vote(&nullifier(1)).unwrap(), None);
}

#[tokio::test]
async fn a_counted_coin_that_comes_again_after_it_expired_is_refused_and_its_vote_stands() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let counted = count(&ledger, 1, vote(json!({"a": 1}))).await;
    place.clock.set("2030-01-01T00:00:00Z");
    for weights in [json!({"a": 1}), json!({"b": 1})] {
        assert_eq!(
            ledger.submit(token(1), vote(weights)).await,
            Ok(Outcome::Refused(Refusal::Expired))
        );
    }
    assert_eq!(ledger.vote(&nullifier(1)).unwrap(), Some(counted));
    assert_eq!(ledger.tally().votes, 1);
}

#[tokio::test]
async fn a_counted_coin_whose_key_was_retired_is_refused_and_its_vote_stands() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let counted = count(&ledger, 1, vote(json!({"a": 1}))).await;
    ledger.drain().unwrap();
    let keyring = keyring().with_min_version(2).unwrap();
    let file = campaign_of(&campaign_json());
    let ledger = Ledger::open(&place.path(), &file, keyring, place.clock.options()).unwrap();
    let again = ledger.submit(token(1), vote(json!({"a": 1}))).await;
    assert_eq!(again, Ok(Outcome::Refused(Refusal::KeyRetired)));
    assert_eq!(ledger.vote(&nullifier(1)).unwrap(), Some(counted));
}

#[tokio::test]
async fn a_vote_for_other_charities_is_not_taken() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let mut other = campaign_json();
    other["charities"].as_array_mut().unwrap().pop();
    let foreign = Vote::parse(&json!({"a": 1}), campaign_of(&other).charities()).unwrap();
    assert_eq!(ledger.submit(token(1), foreign).await, Err(SubmitError::OtherCharities));
    assert_eq!(count(&ledger, 1, vote(json!({"a": 1}))).await.index, 0);
}

#[tokio::test]
async fn whoever_has_an_answer_finds_the_vote_in_the_tally_and_watchers_see_it() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let mut watcher = ledger.subscribe();
    let before = watcher.borrow_and_update().clone();
    assert_eq!((before.votes, before.units), (0, 0));
    for charity in &before.charities {
        assert_eq!(
            (charity.percent.to_string().as_str(), charity.donation_minor_units),
            ("0.0000", 0)
        );
    }
    for (number, weights) in [(1, json!({"a": 1})), (2, json!({"b": 1})), (3, json!({"c": 1}))] {
        count(&ledger, number, vote(weights)).await;
        assert_eq!(ledger.tally().votes, number);
        assert!(watcher.has_changed().unwrap());
        assert_eq!(*watcher.borrow_and_update(), ledger.tally());
    }
    // Neither a repeat nor a refusal is news.
    ledger.submit(token(1), vote(json!({"a": 1}))).await.unwrap();
    ledger.submit(Vec::new(), vote(json!({"a": 1}))).await.unwrap();
    assert!(!watcher.has_changed().unwrap());
    let tally = ledger.tally();
    assert_eq!((tally.votes, tally.units), (3, 3_000_000));
    let shares: Vec<(&str, u64, String, u64)> = tally
        .charities
        .iter()
        .map(|charity| {
            (
                charity.id.as_str(),
                charity.units,
                charity.percent.to_string(),
                charity.donation_minor_units,
            )
        })
        .collect();
    assert_eq!(
        shares,
        [
            ("a", 1_000_000, "33.3334".to_owned(), 334),
            ("b", 1_000_000, "33.3333".to_owned(), 333),
            ("c", 1_000_000, "33.3333".to_owned(), 333),
        ]
    );
    ledger.drain().unwrap();
    assert!(watcher.changed().await.is_err(), "the watch ends with the writer");
}

#[tokio::test]
async fn a_drained_ledger_takes_nothing_through_any_handle_but_still_shows_what_it_has() {
    let place = Place::with_ledger();
    let ledger = place.open();
    let counted = count(&ledger, 1, vote(json!({"a": 1}))).await;
    let other = ledger.clone();
    assert!(other.is_open());
    ledger.drain().unwrap();
    assert!(!other.is_open());
    assert_eq!(
        other.submit(token(2), vote(json!({"a": 1}))).await,
        Err(SubmitError::Closed)
    );
    assert_eq!(other.vote(&nullifier(1)).unwrap(), Some(counted));
    assert_eq!(other.tally().votes, 1);
    other.clone().drain().unwrap();
    // Its lock is gone with the writer.
    assert_eq!(place.open().tally().votes, 1);
}
