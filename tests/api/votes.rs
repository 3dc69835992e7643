//! Votes: counted once, answered the same way each time, shown to anybody who has the address.

use std::thread;

use serde_json::{Value, json};

use super::server::Server;
use crate::harness::mint::Mint;

#[test]
fn a_vote_is_counted_and_shows_in_the_tally() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 2);
    let before = server.tally();
    assert!(percents(&before).iter().all(|percent| percent == "0.0000"), "{before}");

    let answer = server.vote(&coins[0], &json!({"open-books": 2, "clean-water": 4}));
    let vote = answer.json();
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (201, Some("wait=30"))
    );
    assert_eq!(
        (&vote["index"], &vote["state"], &vote["key_version"]),
        (&json!(0), &json!("counted"), &json!(2))
    );
    assert_eq!(vote["weights"], json!({"clean-water": 2, "open-books": 1}));
    assert_eq!(vote["units"], json!({"clean-water": 666_667, "open-books": 333_333}));

    // The address is the vote's, and shows the very same but for the receipt, which has an address of its own.
    let location = answer.header("location").unwrap();
    assert_eq!(location, format!("/v1/votes/{}", vote["id"].as_str().unwrap()));
    let mut shown = server.get(location).json();
    let receipt = server.get(shown["receipt_location"].as_str().unwrap());
    shown["receipt"] = receipt.text().into();
    assert_eq!(shown, vote);

    let all = server.get("/v1/charities").json();
    let ids: Vec<&str> = all["charities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|charity| charity["id"].as_str().unwrap())
        .collect();
    let everyone: Value = ids
        .iter()
        .map(|id| ((*id).to_owned(), json!(1)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(server.vote(&coins[1], &everyone).json()["index"], 1);

    let tally = server.tally();
    assert_eq!((&tally["votes"], &tally["units"]), (&json!(2), &json!(2_000_000)));
    let charities = tally["charities"].as_array().unwrap();
    let shown: Vec<&str> = charities
        .iter()
        .map(|charity| charity["id"].as_str().unwrap())
        .collect();
    assert_eq!(shown, ids, "the campaign's order");
    let sum = |key: &str| {
        charities
            .iter()
            .map(|charity| charity[key].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(sum("units"), 2_000_000);
    assert_eq!(json!(sum("donation_minor_units")), tally["donation"]["minor_units"]);
    let ten_thousandths = |percent: &String| percent.replace('.', "").parse::<u64>().unwrap();
    assert_eq!(percents(&tally).iter().map(ten_thousandths).sum::<u64>(), 1_000_000);
}

#[test]
fn without_a_wait_the_answer_is_202_and_just_as_durable() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 4);
    for (coin, prefer) in coins
        .iter()
        .zip(["respond-async", "wait=0", "wait=31", "handling=strict"])
    {
        let header = coin.header();
        let headers = [
            ("authorization", header.as_str()),
            ("content-type", "application/json"),
            ("prefer", prefer),
        ];
        let answer = server.send("POST", "/v1/votes", &headers, r#"{"weights":{"clean-water":1}}"#);
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (202, None),
            "{prefer}"
        );
        assert_eq!(server.get(answer.header("location").unwrap()).body, answer.body);
    }
}

#[test]
fn the_same_vote_again_gets_the_same_bytes_and_another_vote_hears_of_the_first() {
    let server = Server::start(&[]);
    let coin = Mint::new().coins("coin", 1).remove(0);
    let first = server.vote(&coin, &json!({"clean-water": 1, "open-books": 1}));
    for same in [
        json!({"open-books": 1, "clean-water": 1}),
        json!({"clean-water": 500_000, "open-books": 500_000}),
    ] {
        let again = server.vote(&coin, &same);
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.header("location"), first.header("location"));
    }

    let other = server.vote(&coin, &json!({"clean-water": 1}));
    assert_eq!((other.status, other.problem().as_str()), (409, "coin-spent"));
    let (problem, mut first) = (other.json(), first.json());
    // The log's signature over the tree that has the first vote is the proof that this one is refused for good.
    for member in ["id", "index", "counted_at", "receipt", "receipt_location"] {
        assert_eq!(problem["first"][member], first[member], "{member}");
    }
    first.as_object_mut().unwrap().remove("receipt").unwrap();
    assert_eq!(server.get(problem["first"]["location"].as_str().unwrap()).json(), first);
    assert_eq!(server.tally()["votes"], 1);
}

#[test]
fn of_many_votes_with_one_coin_at_once_one_is_counted() {
    let server = Server::start(&[]);
    let coin = Mint::new().coins("coin", 1).remove(0);
    let cast = |weight: u32| server.vote(&coin, &json!({"clean-water": weight, "open-books": 1}));
    let answers: Vec<_> = thread::scope(|scope| {
        let casts: Vec<_> = (1..=16).map(|weight| scope.spawn(move || cast(weight))).collect();
        casts.into_iter().map(|cast| cast.join().unwrap()).collect()
    });
    let counted: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(counted.len(), 1);
    let id = &counted[0].json()["id"];
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(
            (answer.problem().as_str(), &answer.json()["first"]["id"]),
            ("coin-spent", id)
        );
    }
    assert_eq!(server.tally()["votes"], 1);
}

fn percents(tally: &Value) -> Vec<String> {
    let charities = tally["charities"].as_array().unwrap();
    charities
        .iter()
        .map(|charity| charity["percent"].as_str().unwrap().to_owned())
        .collect()
}
