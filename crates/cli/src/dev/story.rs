//! The story: forged coins, good ones, the same again, and then what the parts say of it.
//!
//! A vote that goes otherwise than it must is written down, and the story goes on, so that one look shows everything that is wrong.

use std::collections::BTreeMap;
use std::env;
use std::process::Command;

use coin::{Refusal, SignedCoin};
use serde_json::{Map, Value};
use service::Failure;

use super::figures::Figures;
use super::forge::{Forgery, forgeries};
use super::job;
use super::mint::Minted;
use super::stage::Stage;
use super::stop::Stop;
use super::wait::wait_for;
use crate::clock;
use crate::http::Answer;

/// Rounds of good votes; each has one for a single charity, one for all, one for two.
const ROUNDS: usize = 3;

/// How many coins the story spends.
pub const GOOD_VOTES: usize = 3 * ROUNDS;

/// How long the API may take to count a vote, in seconds.
const WAIT_S: u8 = 10;

/// What a vote says: weights by charity.
type Weights = Map<String, Value>;

/// Tells the story; gives the figures and what went otherwise than it must.
///
/// # Errors
///
/// When a part ends or does not answer.
pub fn tell(
    stage: &mut Stage,
    minted: &Minted,
    stop: &Stop,
    say: &dyn Fn(&str),
) -> Result<(Figures, Vec<String>), Failure> {
    let charities = charities(stage)?;
    let votes = good_votes(&charities);
    let coins = (0..votes.len())
        .map(|index| take_coin(stage, index))
        .collect::<Result<Vec<SignedCoin>, Failure>>()?;
    let mut teller = Teller {
        say,
        mistakes: Vec::new(),
        units: BTreeMap::new(),
    };

    say("forged   (each must stop at the gate)");
    let expires = minted.odd.expiring.coin.expires;
    wait_for("a coin to expire", &mut *stage.parts, stop, || {
        let now = clock::now().map_err(|failure| failure.to_string())?;
        if now >= expires {
            Ok(())
        } else {
            Err(format!("it is {now}, and the coin expires {expires}"))
        }
    })?;
    let (first_coin, first_vote) = (&coins[0], &votes[0].1);
    let forged = forgeries(first_coin, minted);
    for forgery in &forged {
        teller.forged(forgery, stage, first_vote)?;
    }
    say("good     (each must be counted; the first is the one that was tampered with above)");
    let mut answers = Vec::new();
    for (signed, (what, weights)) in coins.iter().zip(&votes) {
        answers.push(teller.good(what, stage, signed, weights)?);
    }
    say("double   (a coin counts once)");
    let again = cast(stage, first_coin, first_vote)?;
    let same = again.status == answers[0].status && again.body == answers[0].body;
    teller.note("the same vote again", "the same answer, byte for byte", same, &again);
    let other = cast(stage, first_coin, &votes[1].1)?;
    let spent = other.status == Refusal::Spent.status() && problem_code(&other) == Refusal::Spent.code();
    teller.note("another vote with the same coin", "409 coin-spent", spent, &other);
    let (proof, receipt) = (&other.json()["first"]["receipt"], &answers[0].json()["receipt"]);
    let proven = receipt.is_string() && proof == receipt;
    teller.note("the proof against it", "the receipt of the first vote", proven, &other);

    say("audit    (of the whole log, by somebody who has nothing but its address)");
    let audited = teller.audit(stage)?;
    let figures = Figures::read(stage, audited)?;
    teller.check(&figures, minted, forged.len());
    Ok((figures, teller.mistakes))
}

/// The charities' ids, in their order.
fn charities(stage: &Stage) -> Result<Vec<String>, Failure> {
    let answer = stage.front.get("/v1/charities")?;
    let json = answer.json();
    let charities = json["charities"].as_array().into_iter().flatten();
    let ids: Vec<String> = charities
        .filter_map(|charity| Some(charity["id"].as_str()?.to_owned()))
        .collect();
    if ids.len() < 2 {
        return Err(Failure::CouldNot(format!(
            "no charities to vote for: status {}",
            answer.status
        )));
    }
    Ok(ids)
}

/// Votes for one, for all and for two charities, and how to call them.
fn good_votes(charities: &[String]) -> Vec<(String, Weights)> {
    let vote = |weights: &[(&String, u64)]| -> Weights {
        weights
            .iter()
            .map(|(charity, weight)| ((*charity).clone(), Value::from(*weight)))
            .collect()
    };
    let mut votes = Vec::new();
    for round in 0..ROUNDS {
        let first = &charities[round % charities.len()];
        let second = &charities[(round + 1) % charities.len()];
        let all: Vec<(&String, u64)> = charities.iter().map(|charity| (charity, 1)).collect();
        votes.push((format!("all of it for {first}"), vote(&[(first, 1)])));
        votes.push(("the same for everybody".to_owned(), vote(&all)));
        votes.push((format!("{first} 3 : 1 {second}"), vote(&[(first, 3), (second, 1)])));
    }
    votes
}

/// Takes a coin of the pool, as the page does.
fn take_coin(stage: &Stage, index: usize) -> Result<SignedCoin, Failure> {
    let answer = stage.front.take_coin(&format!("hashicoin-dev-{index:04}"))?;
    let json = answer.json();
    let signed = json["coin_txt"]
        .as_str()
        .and_then(|text| SignedCoin::from_coin_txt(text).ok());
    signed.ok_or_else(|| {
        Failure::CouldNot(format!(
            "no coin from the pool: {} {}",
            answer.status,
            problem_code(&answer)
        ))
    })
}

fn cast(stage: &Stage, signed: &SignedCoin, weights: &Weights) -> Result<Answer, Failure> {
    stage
        .front
        .vote("/v1/votes", Some(&signed.to_token()), weights, Some(WAIT_S))
}

/// `coin-expired` of `/problems/coin-expired`; empty when the answer is no problem document.
fn problem_code(answer: &Answer) -> String {
    let kind = answer.json()["type"].as_str().unwrap_or_default().to_owned();
    kind.trim_start_matches("/problems/").to_owned()
}

/// Says what happens, and remembers what should not have.
struct Teller<'a> {
    say: &'a dyn Fn(&str),
    mistakes: Vec<String>,
    /// What the counted votes' answers gave each charity.
    units: BTreeMap<String, u64>,
}

impl Teller<'_> {
    fn forged(&mut self, forgery: &Forgery, stage: &Stage, weights: &Weights) -> Result<(), Failure> {
        let token = forgery.token.as_deref();
        let answer = stage.front.vote(&forgery.target, token, weights, Some(WAIT_S))?;
        let (status, code) = (forgery.refusal.status(), forgery.refusal.code());
        let refused = answer.status == status && problem_code(&answer) == code;
        self.note(forgery.what, &format!("{status} {code}"), refused, &answer);
        Ok(())
    }

    fn good(&mut self, what: &str, stage: &Stage, signed: &SignedCoin, weights: &Weights) -> Result<Answer, Failure> {
        let answer = cast(stage, signed, weights)?;
        let json = answer.json();
        for (charity, units) in json["units"].as_object().into_iter().flatten() {
            *self.units.entry(charity.clone()).or_default() += units.as_u64().unwrap_or_default();
        }
        let counted = answer.status == 201 && json["state"] == "counted";
        self.note(what, "201, counted", counted, &answer);
        Ok(answer)
    }

    /// Has the log checked; gives how many votes are in it.
    fn audit(&mut self, stage: &Stage) -> Result<u64, Failure> {
        let program = env::current_exe()
            .map_err(|error| Failure::CouldNot(format!("could not find this program itself: {error}")))?;
        let url = stage.front.base().to_string();
        let report = job::run("hashicoin audit", Command::new(program).args(["audit", "--json", &url]));
        let report = match report {
            Ok(report) => report,
            Err(failure) => {
                self.mistake(failure.to_string());
                return Ok(0);
            }
        };
        let report: Value = serde_json::from_slice(&report).unwrap_or_default();
        let size = report["size"].as_u64().unwrap_or_default();
        (self.say)(&format!(
            "  ok     hashicoin audit {url}: {size} votes, nothing is wrong"
        ));
        Ok(size)
    }

    fn note(&mut self, what: &str, expected: &str, holds: bool, answer: &Answer) {
        if holds {
            (self.say)(&format!("  ok     {what}: {expected}"));
        } else {
            let saw = format!("{} {}", answer.status, problem_code(answer));
            self.mistake(format!("{what}: {expected} expected, {} seen", saw.trim_end()));
        }
    }

    fn mistake(&mut self, mistake: String) {
        (self.say)(&format!("  WRONG  {mistake}"));
        self.mistakes.push(mistake);
    }

    /// Holds what the parts say against what must have happened.
    fn check(&mut self, figures: &Figures, minted: &Minted, forged: usize) {
        let good = GOOD_VOTES as u64;
        for (what, expected, seen) in [
            ("coins in the pool", minted.count, figures.minted),
            ("votes that the API counted", good, figures.accepted),
            ("votes in the tally", good, figures.tally_votes),
            ("votes in the log", good, figures.audited),
            ("requests that the gate refused", forged as u64, figures.refused_at_gate),
            (
                "votes that reached the API (the good, and two double ones)",
                good + 2,
                figures.reached_api,
            ),
            ("votes refused as double", 1, figures.refused_double),
            ("votes that were the same as before", 1, figures.repeated),
        ] {
            if seen != expected {
                self.mistake(format!("{what}: {expected} expected, {seen} seen"));
            }
        }
        for (charity, seen) in &figures.tally_units {
            let expected = self.units.get(charity).copied().unwrap_or_default();
            if *seen != expected {
                self.mistake(format!(
                    "units of {charity}: the votes' answers give {expected}, the tally {seen}"
                ));
            }
        }
    }
}
