//! One coin, spent ten thousand times at once over several API processes, each time for another vote: one vote counts, and everybody else is shown it.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::{Value, json};
use servers::wait::SOON;

use super::world::{Store, World, api, start};
use crate::harness::http::{Response, read_response, request};
use crate::harness::mint::{Coin, Mint};

const SPENDS: u32 = 10_000;
/// API processes.
const PROCESSES: usize = 4;
/// Threads that spend.
const SPENDERS: usize = 16;
/// How many spends each of them has under way at a time.
const AT_ONCE: u32 = 25;

/// Sends a spend; its answer comes over the connection.
fn spend(address: SocketAddr, coin: &Coin, weight: u32) -> BufReader<TcpStream> {
    let header = coin.header();
    let headers = [
        ("authorization", header.as_str()),
        ("content-type", "application/json"),
        ("prefer", "wait=30"),
    ];
    // 1 and each of these have different proportions, so these are all different votes.
    let body = json!({"weights": {"clean-water": 1, "open-books": weight}}).to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
        .write_all(&request("POST", "/v1/votes", &headers, &body))
        .unwrap();
    BufReader::new(stream)
}

#[test]
fn ten_thousand_spends_of_one_coin_are_one_vote() {
    let coin = Mint::new().coins("coin", 1).remove(0);
    let world = World::start(Store::postgres());
    let more: Vec<_> = (1..PROCESSES)
        .map(|_| start("hashicoin-api", &mut api(&world.redis)))
        .collect();
    let addresses: Vec<SocketAddr> = [world.api_address]
        .into_iter()
        .chain(more.iter().map(|(_, address)| *address))
        .collect();
    let next = AtomicU32::new(1);
    let spends = || {
        let mut answers: Vec<Response> = Vec::new();
        let mut again: Vec<u32> = Vec::new();
        loop {
            let first = next.fetch_add(AT_ONCE, Ordering::Relaxed);
            let weights = (first..first + AT_ONCE).filter(|weight| *weight <= SPENDS);
            let weights: Vec<u32> = again.drain(..).chain(weights).collect();
            if weights.is_empty() {
                return answers;
            }
            let addresses = addresses.iter().cycle();
            let under_way: Vec<_> = weights
                .iter()
                .zip(addresses)
                .map(|(weight, address)| (*weight, spend(*address, &coin, *weight)))
                .collect();
            for (weight, mut stream) in under_way {
                let answer = read_response(&mut stream);
                match answer.status {
                    // Busy, or not known yet: what a client does then is to send it again.
                    503 => again.push(weight),
                    _ => answers.push(answer),
                }
            }
        }
    };
    let answers: Vec<Response> = thread::scope(|scope| {
        let spenders: Vec<_> = (0..SPENDERS).map(|_| scope.spawn(spends)).collect();
        spenders
            .into_iter()
            .flat_map(|spender| spender.join().unwrap())
            .collect()
    });
    assert_eq!(answers.len(), SPENDS as usize);
    let (counted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    let [counted] = counted.as_slice() else {
        panic!("{} are told that they are counted", counted.len());
    };
    let counted = counted.json();
    for refused in refused {
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (409, "coin-spent"),
            "{refused:?}"
        );
        let first: Value = refused.json()["first"].clone();
        for name in ["id", "index"] {
            assert_eq!(first[name], counted[name], "{refused:?}");
        }
        // The log's signed word for it, from everybody who has it already.
        if let Some(receipt) = first.get("receipt") {
            assert_eq!(receipt, &counted["receipt"], "{refused:?}");
        }
    }
    assert_eq!(world.get("/v1/tally").json()["votes"], 1);
    let Store::Postgres(postgres) = &world.store else {
        unreachable!("this test is on Postgres");
    };
    assert_eq!(postgres.sql("SELECT count(*) FROM ledger.votes"), "1");
}
