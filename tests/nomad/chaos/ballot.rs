//! One vote that somebody casts, and what he was told of it.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use crate::harness::http::{Response, request, try_exchange};
use crate::harness::wait::wait_for;

/// What a vote is for. A coin's units divide evenly by each of them.
pub type Weights = &'static [(&'static str, u64)];

pub const ONE: Weights = &[("clean-water", 1)];
pub const SOME: Weights = &[("open-books", 3), ("warm-homes", 1)];
pub const ALL: Weights = &[
    ("clean-water", 1),
    ("open-books", 1),
    ("warm-homes", 1),
    ("wild-rivers", 1),
    ("first-code", 1),
];

/// What a voter is told.
#[derive(Debug)]
pub enum Told {
    /// It counts: the vote as it stands.
    Counted(Value),
    /// Another vote of the coin's counts: that one.
    Spent(Value),
    /// The coin is none.
    NoCoin(String),
    /// It was taken, or may have been, and nobody knows yet what became of it.
    Unknown,
    /// Nothing: somebody is away.
    Nothing(String),
}

impl Told {
    fn by(answer: Result<Response, String>) -> Told {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Told::Nothing(error),
        };
        match answer.status {
            200..=202 => {
                let vote = answer.json();
                if vote["state"] == "counted" {
                    Told::Counted(vote)
                } else {
                    Told::Unknown
                }
            }
            403 => Told::NoCoin(answer.problem()),
            409 => Told::Spent(answer.json()["first"].clone()),
            503 if answer.text().contains("outcome-unknown") => Told::Unknown,
            502..=504 => Told::Nothing(answer.text()),
            _ => panic!("{answer:?}"),
        }
    }

    /// The vote of the coin's that counts, if it says which.
    pub fn standing(&self) -> Option<&Value> {
        match self {
            Told::Counted(vote) | Told::Spent(vote) => Some(vote),
            _ => None,
        }
    }
}

/// A vote.
#[derive(Debug)]
pub struct Ballot {
    /// The value of the header.
    pub coin: String,
    pub weights: Weights,
    /// Whether the coin is forged.
    pub is_forged: bool,
    /// Whether the voter goes away without an answer.
    pub is_hasty: bool,
    /// In the order in which it was heard.
    pub told: Vec<Told>,
}

impl Ballot {
    pub fn new(coin: &str, weights: Weights) -> Ballot {
        Ballot {
            coin: coin.to_owned(),
            weights,
            is_forged: false,
            is_hasty: false,
            told: Vec::new(),
        }
    }

    /// The same with one character of the signature changed.
    pub fn forged(coin: &str, weights: Weights) -> Ballot {
        let (payload, signature) = coin.rsplit_once('.').unwrap();
        let other = if signature.starts_with('A') { 'B' } else { 'A' };
        Ballot {
            is_forged: true,
            ..Ballot::new(&format!("{payload}.{other}{}", &signature[1..]), weights)
        }
    }

    /// The same, sent once, whatever comes of it.
    pub fn hasty(coin: &str, weights: Weights) -> Ballot {
        Ballot {
            is_hasty: true,
            ..Ballot::new(coin, weights)
        }
    }

    /// Sends it until somebody has taken or refused it.
    pub fn cast(&mut self, front: SocketAddr, prefer: &str) {
        wait_for("a vote to be taken", || {
            let is_hasty = self.is_hasty;
            match self.send(front, prefer) {
                Told::Nothing(why) if !is_hasty => Err(why.clone()),
                _ => Ok(()),
            }
        });
    }

    /// Sends it until it is told for good what became of it.
    pub fn settle(&mut self, front: SocketAddr) {
        wait_for("a vote to be decided", || match self.send(front, "wait=20") {
            Told::Nothing(why) => Err(why.clone()),
            Told::Unknown => Err("nobody knows".to_owned()),
            _ => Ok(()),
        });
    }

    fn send(&mut self, front: SocketAddr, prefer: &str) -> &Told {
        let weights: Map<String, Value> = self
            .weights
            .iter()
            .map(|(charity, weight)| ((*charity).to_owned(), json!(weight)))
            .collect();
        let headers = [
            ("content-type", "application/json"),
            ("authorization", &*self.coin),
            ("prefer", prefer),
        ];
        let body = json!({ "weights": weights }).to_string();
        let answer = try_exchange(front, &request("POST", "/v1/votes", &headers, &body));
        self.told.push(Told::by(answer));
        self.told.last().unwrap()
    }
}
