//! The stream of tallies.

use std::thread;
use std::time::Instant;

use serde_json::json;

use super::events::{Events, Sent};
use super::server::Server;
use crate::harness::mint::Mint;
use crate::harness::wait::wait_for;

#[test]
fn a_stream_begins_with_the_tally_and_goes_on_with_its_changes() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 2);
    server.vote(&coins[0], &json!({"clean-water": 1}));
    let mut events = Events::open(server.address);
    assert_eq!(events.next_tally(), server.tally());
    server.vote(&coins[1], &json!({"open-books": 1}));
    assert_eq!(events.next_tally(), server.tally());
}

#[test]
fn a_burst_of_votes_is_a_few_events() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 40);
    let mut events = Events::open(server.address);
    let start = Instant::now();
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut seen = 0_u32;
            while events.next_tally()["votes"] != 40 {
                seen += 1;
            }
            seen
        });
        for coin in &coins {
            server.vote(coin, &json!({"clean-water": 1}));
        }
        reader.join().unwrap()
    });
    // At most 4 per second, and the one at once.
    let most = 2 + start.elapsed().as_millis() / 250;
    assert!(u128::from(seen) <= most, "{seen} events, at most {most} expected");
}

#[test]
fn a_quiet_stream_sends_heartbeats() {
    let server = Server::start(&[]);
    let mut events = Events::open(server.address);
    events.next_tally();
    assert_eq!(events.next(), Sent::Comment);
}

#[test]
fn a_stream_ends_with_the_server() {
    let server = Server::start(&[]);
    let mut events = Events::open(server.address);
    events.next_tally();
    let (ended, _) = server.terminate();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(events.next(), Sent::End);
}

#[test]
fn there_is_room_for_so_many_streams_and_a_closed_one_makes_room() {
    let server = Server::start(&["--max-streams", "1"]);
    let first = Events::open(server.address);
    let (refused, _) = Events::ask(server.address);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    drop(first);
    wait_for("room for another stream", || {
        let (head, _) = Events::ask(server.address);
        if head.status == 200 {
            Ok(())
        } else {
            Err(format!("{head:?}"))
        }
    });
}
