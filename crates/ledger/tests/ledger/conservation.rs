//! What must hold whatever is submitted: nothing is lost, nothing is made, and every answer is the one that a simple model gives.

use std::collections::BTreeMap;

use vote::{Tally, Totals, UNITS_PER_COIN, Vote};

use ledger::Outcome;
use proptest::prelude::*;
use serde_json::json;

use crate::common::{Place, begin, campaign, token, vote};

/// The votes that the submissions choose from; the second and third are the same vote.
fn ballot_box() -> [Vote; 4] {
    [
        json!({"a": 1}),
        json!({"a": 1, "b": 1}),
        json!({"a": 2, "b": 2}),
        json!({"a": 1, "b": 1, "c": 1}),
    ]
    .map(vote)
}

/// What the model says of one submission.
#[derive(Debug, PartialEq)]
enum Said {
    Counted(u64),
    Repeated(u64),
    Spent(u64),
}

/// Submits rounds of (coin, vote), each round at once and in order, with a new opening of the ledger after each.
async fn play(place: &Place, rounds: &[Vec<(u64, usize)>]) {
    let votes = ballot_box();
    let mut model: BTreeMap<u64, (u64, &Vote)> = BTreeMap::new();
    for round in rounds {
        // Opening checks that the totals are the sum of the votes.
        let ledger = place.open();
        let mut answers = Vec::new();
        for (number, choice) in round {
            answers.push(begin(&ledger, token(*number), votes[*choice].clone()).await);
        }
        for ((number, choice), answer) in round.iter().zip(answers) {
            let said = match answer.await.unwrap().unwrap() {
                Outcome::Counted(counted) => Said::Counted(counted.index),
                Outcome::Repeated(counted) => Said::Repeated(counted.index),
                Outcome::Spent { first } => Said::Spent(first.index),
                Outcome::Refused(refusal) => panic!("coin {number} is good, and was refused: {refusal}"),
            };
            let next = model.len() as u64;
            let expected = match model.get(number) {
                None => Said::Counted(next),
                Some((index, first)) if **first == votes[*choice] => Said::Repeated(*index),
                Some((index, _)) => Said::Spent(*index),
            };
            model.entry(*number).or_insert((next, &votes[*choice]));
            assert_eq!(said, expected, "coin {number} with vote {choice}");
        }
        let tally = ledger.tally();
        let mut sums = Totals::zero(campaign().charities());
        model.values().for_each(|(_, vote)| sums.add(&vote.units()).unwrap());
        assert_eq!(*tally, Tally::new(&campaign(), &sums));
        assert_eq!(tally.units, tally.votes * UNITS_PER_COIN);
    }
    place.open().drain().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_sequence_of_submissions_is_counted_as_the_model_says(
        rounds in prop::collection::vec(prop::collection::vec((0_u64..12, 0_usize..4), 0..20), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(&Place::with_ledger(), &rounds));
    }
}

proptest! {
    #[test]
    fn percentages_and_donation_are_shared_out_whole(
        units in prop::collection::vec(prop_oneof![Just(0), 0_u64..10, 0_u64..10_000_000_000_000], 3),
        minor_units in 1_u64..(1 << 53),
    ) {
        let mut json = crate::common::campaign_json();
        json["donation"]["minor_units"] = minor_units.into();
        let any = units.iter().any(|units| *units > 0);
        let tally = Tally::new(&crate::common::campaign_of(&json), &Totals { votes: 1, units });
        let percents: u64 = tally.charities.iter().map(|charity| charity.percent.ten_thousandths).sum();
        prop_assert_eq!(percents, if any { 1_000_000 } else { 0 });
        let donated: u64 = tally.charities.iter().map(|charity| charity.donation_minor_units).sum();
        prop_assert_eq!(donated, if any { minor_units } else { 0 });
        // The written form says the same number, with four decimals.
        let written: u64 = tally.charities.iter().map(|charity| {
            let text = charity.percent.to_string();
            let (whole, decimals) = text.split_once('.').unwrap();
            assert_eq!(decimals.len(), 4, "{text}");
            format!("{whole}{decimals}").parse::<u64>().unwrap()
        }).sum();
        prop_assert_eq!(written, percents);
    }
}
