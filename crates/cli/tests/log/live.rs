//! A server that goes on counting while it is read: its checkpoint and its tally are never of one moment, and that alone is nothing wrong.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::draft::Draft;
use crate::server::{Server, respond};
use crate::{VOTES, audit, findings, hashicoin, published};

/// Serves a log whose checkpoint and tally are, answer by answer, of these sizes; the last one stays.
fn server(root: &Path, draft: &Draft, checkpoints: &[usize], tallies: &[usize]) -> Server {
    let checkpoints: Vec<String> = checkpoints.iter().map(|size| draft.checkpoint(*size)).collect();
    let tallies: Vec<String> = tallies.iter().map(|votes| draft.tally_of(*votes).to_string()).collect();
    let asked = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let root = root.to_owned();
    let next = move |which: usize, answers: &[String]| {
        let turn = asked[which].fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        answers[turn].clone().into_bytes()
    };
    Server::start(move |path, stream| {
        let bytes = match path {
            "v1/log/checkpoint" => Ok(next(0, &checkpoints)),
            "v1/tally" => Ok(next(1, &tallies)),
            other => std::fs::read(root.join(other)),
        };
        match bytes {
            Ok(bytes) => respond(stream, "200 OK", &bytes),
            Err(_) => respond(stream, "404 Not Found", b""),
        }
    })
}

#[test]
fn a_tally_is_compared_with_as_many_entries_as_it_has_votes() {
    let draft = Draft::new(VOTES);
    let directory = published(&draft);
    // The log of 512 ends with full tiles, so that what there is of it is what there is of the later one too.
    for (name, checkpoints, tallies, tallied) in [
        ("of one moment", &[600][..], &[600][..], 600),
        (
            "a vote was counted meanwhile, and signed soon after",
            &[512, 512, 600],
            &[560],
            560,
        ),
        ("the tally is behind, and comes", &[600], &[512, 590, 600], 600),
    ] {
        let server = server(directory.path(), &draft, checkpoints, tallies);
        let (code, json) = audit(&server.url(), &[]);
        assert_eq!((code, &json["tallied"]), (0, &json!(tallied)), "{name}: {json}");
        assert_eq!(json["entries"], json!(600), "{name}");
    }
}

#[test]
fn a_tally_that_never_fits_is_a_lie() {
    let draft = Draft::new(VOTES);
    let directory = published(&draft);
    for (checkpoints, tallies, words) in [
        (
            &[512][..],
            &[600][..],
            "tally.votes: it is 600, and the latest checkpoint covers 512",
        ),
        (
            &[600],
            &[599],
            "tally.votes: it is 599, and a checkpoint of 600 was signed before it",
        ),
    ] {
        let server = server(directory.path(), &draft, checkpoints, tallies);
        let (code, json) = audit(&server.url(), &["--timeout", "1"]);
        // That of the smaller log: its partial tile above the leaves is not among the files.
        let found = findings(&json);
        assert_eq!(code, 1, "{json}");
        assert!(found.iter().any(|line| line == words), "{json}");
    }
}

#[test]
fn an_export_waits_for_a_tally_and_a_checkpoint_of_one_moment() {
    let draft = Draft::new(VOTES);
    let directory = published(&draft);
    let server = server(directory.path(), &draft, &[512, 600], &[560, 600]);
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    let ended = hashicoin(&["export", &server.url(), copy.to_str().unwrap()]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.stdout.starts_with("exported 600 entries"), "{ended:?}");
    assert_eq!(audit(copy.to_str().unwrap(), &[]).0, 0);
}
