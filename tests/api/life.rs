//! Starting, stopping and dying: nothing that was answered is ever lost.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use super::server::Server;
use crate::harness::http::{Response, read_response, request};
use crate::harness::mint::Mint;
use crate::harness::wait::{SOON, wait_for};

#[test]
fn a_killed_server_comes_back_with_every_vote() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 5);
    let answers: Vec<Response> = coins
        .iter()
        .map(|coin| server.vote(coin, &json!({"clean-water": 1})))
        .collect();
    let tally = server.tally();
    let server = server.kill().serve(&[]);
    assert_eq!(server.tally(), tally);
    for (coin, answer) in coins.iter().zip(&answers) {
        assert_eq!(server.get(answer.header("location").unwrap()).status, 200);
        // With the receipt, which is the one that it got before.
        assert_eq!(server.vote(coin, &json!({"clean-water": 1})).body, answer.body);
        assert_eq!(server.vote(coin, &json!({"open-books": 1})).status, 409);
    }
    assert_eq!(server.tally(), tally);
}

#[test]
fn a_server_killed_among_votes_has_kept_every_answered_one() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 200);
    let answered = Mutex::new(Vec::new());
    let stop = AtomicBool::new(false);
    let address = server.address;
    let books = thread::scope(|scope| {
        for part in coins.chunks(50) {
            let (answered, stop) = (&answered, &stop);
            scope.spawn(move || {
                for coin in part {
                    // The server may be gone in the middle of an exchange; then nothing was answered.
                    match try_vote(address, &coin.header()) {
                        Some(answer) => answered.lock().unwrap().push(answer),
                        None => assert!(stop.load(Ordering::SeqCst), "the server went away by itself"),
                    }
                }
            });
        }
        wait_for("some votes", || {
            let count = answered.lock().unwrap().len();
            if count >= 20 {
                Ok(())
            } else {
                Err(format!("{count} votes"))
            }
        });
        stop.store(true, Ordering::SeqCst);
        server.kill()
    });
    let answered = answered.into_inner().unwrap();
    let server = books.serve(&[]);
    for answer in &answered {
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(server.get(answer.header("location").unwrap()).body, answer.body);
    }
    // Those in flight may have been counted as well; sent again, each counts once.
    for coin in &coins {
        assert_eq!(server.vote(coin, &json!({"clean-water": 1})).status, 201);
    }
    assert_eq!(server.tally()["votes"], coins.len());
}

#[test]
fn a_server_told_to_stop_finishes_what_was_begun_and_takes_nothing_new() {
    let server = Server::start(&[]);
    let coin = Mint::new().coins("coin", 1).remove(0).header();
    let headers = [("authorization", coin.as_str()), ("content-type", "application/json")];
    let bytes = request("POST", "/v1/votes", &headers, r#"{"weights":{"clean-water":1}}"#);
    let (begin, end) = bytes.split_at(bytes.len() - 5);
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(begin).unwrap();
    // Begun is what the server has taken up; an idle connection would rightly be closed.
    server.wait_for_a_request_in_progress();

    server.process.terminate();
    wait_for("the listener to close", || match TcpStream::connect(server.address) {
        Ok(_) => Err("it listens".to_owned()),
        Err(_) => Ok(()),
    });
    stream.write_all(end).unwrap();
    let answer = read_response(&mut BufReader::new(stream));
    assert_eq!(answer.status, 202, "{answer:?}");
    let ended = server.process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");

    let server = server.books.serve(&[]);
    assert_eq!(server.get(answer.header("location").unwrap()).body, answer.body);
}

#[test]
fn sigint_stops_it_as_well() {
    let server = Server::start(&[]);
    server.process.interrupt();
    let ended = server.process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(
        ended.stdout.lines().count(),
        1,
        "one line on standard output: {ended:?}"
    );
}

#[test]
fn a_ledger_has_one_server() {
    let server = Server::start(&[]);
    let second = crate::harness::process::run(&mut server.books.command(&[]));
    assert_eq!(second.code(), 1, "{second:?}");
    assert!(second.stderr.contains("in use by another writer"), "{second:?}");
    assert_eq!(server.get("/healthz").status, 200);
}

fn try_vote(address: std::net::SocketAddr, coin: &str) -> Option<Response> {
    let headers = [("authorization", coin), ("content-type", "application/json")];
    let bytes = request("POST", "/v1/votes", &headers, r#"{"weights":{"clean-water":1}}"#);
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(&bytes).ok()?;
    // A whole answer begins with its status; a connection that died gives nothing.
    stream.peek(&mut [0]).ok().filter(|count| *count > 0)?;
    Some(read_response(&mut BufReader::new(stream)))
}
