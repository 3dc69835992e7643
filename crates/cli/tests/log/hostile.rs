//! Servers that mean harm: whatever they send, or do not, an audit ends, and never says that the log is clean.

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::draft::Draft;
use crate::server::{Server, respond};
use crate::{VOTES, audit, findings, hashicoin, published};

/// Serves a good log, but for one file.
fn server_with(
    root: &Path,
    file: &'static str,
    answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> Server {
    let root: PathBuf = root.to_owned();
    Server::start(move |path, stream| {
        if path == file {
            return answer(stream);
        }
        match std::fs::read(root.join(path)) {
            Ok(bytes) => respond(stream, "200 OK", &bytes),
            Err(_) => respond(stream, "404 Not Found", b""),
        }
    })
}

#[test]
fn a_good_log_is_clean_over_http() {
    let draft = Draft::with_issued(VOTES);
    let directory = published(&draft);
    let server = Server::of_files(directory.path().to_owned());
    let (code, json) = audit(&server.url(), &["--verifier-key", &draft.verifier_key().to_string()]);
    assert_eq!((code, &json["clean"]), (0, &json!(true)), "{json}");
    assert_eq!(json["entries"], json!(VOTES));
}

#[test]
fn what_is_no_answer_is_no_verdict() {
    let directory = published(&Draft::new(VOTES));
    let elsewhere = Server::of_files(directory.path().to_owned()).url();
    let redirect =
        format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}/v1/log/tile/0/000\r\ncontent-length: 0\r\n\r\n");
    let rows: [(&str, Vec<u8>, &str); 5] = [
        // Nothing is followed, and to nobody else.
        (
            "a redirect",
            redirect.into_bytes(),
            "answered 302 to GET /v1/log/tile/0/000",
        ),
        (
            "an error",
            b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_vec(),
            "answered 500",
        ),
        ("no HTTP", b"hello\r\n\r\n".to_vec(), "no answer from http://127.0.0.1"),
        (
            "a body that ends early",
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1".to_vec(),
            "no answer from",
        ),
        (
            "a body that does not come",
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec(),
            "no answer from",
        ),
    ];
    for (name, answer, words) in rows {
        let hangs = name.contains("does not come");
        let server = server_with(directory.path(), "v1/log/tile/0/000", move |stream| {
            stream.write_all(&answer)?;
            match hangs {
                // Until the other side gives up.
                true => std::io::copy(stream, &mut std::io::sink()).map(drop),
                false => stream.shutdown(std::net::Shutdown::Both),
            }
        });
        let ended = hashicoin(&["audit", &server.url(), "--timeout", "1"]);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{name}: {ended:?}");
        assert!(ended.stderr.contains(words), "{name}: {ended:?}");
    }
}

#[test]
fn a_body_without_end_is_read_no_further_than_it_can_be_long() {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    let directory = published(&Draft::new(VOTES));
    for (file, words) in [
        ("v1/log/tile/0/000", "tile/0/000: it is longer than 256 hashes"),
        (
            "v1/log/tile/entries/000",
            "tile/entries/000: it is longer than 256 entries can be",
        ),
    ] {
        let server = server_with(directory.path(), file, |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 65_536])?;
                SENT.fetch_add(65_536, Ordering::Relaxed);
            }
        });
        let (code, json) = audit(&server.url(), &[]);
        let found = findings(&json);
        assert_eq!((code, found[0].as_str()), (1, words), "{json}");
    }
    // The longest bundle is 4 MB; the rest lay in the system's buffers.
    assert!(SENT.load(Ordering::Relaxed) < 64 << 20);
}

#[test]
fn what_is_no_log_is_not_checked() {
    let directory = published(&Draft::new(VOTES));
    let place = |file: &str| {
        let bytes = std::fs::read(directory.path().join(file)).unwrap();
        (directory.path().join(file), bytes)
    };
    let rows: [(&str, Option<&[u8]>, i32, &str); 7] = [
        (
            "v1/log/log.json",
            None,
            2,
            "has no /v1/log/log.json, so no log is published there",
        ),
        ("v1/log/log.json", Some(b"{}"), 1, "not the JSON of a log.json"),
        ("v1/log/log.json", Some(&[b' '; 5_000_000]), 2, "has more than"),
        ("v1/log/checkpoint", None, 2, "has no /v1/log/checkpoint yet"),
        ("v1/log/checkpoint", Some(b"x"), 1, "a note is a text"),
        ("v1/log/checkpoint", Some(&[b'x'; 100_000]), 1, "and no checkpoint has"),
        ("v1/log/checkpoint", Some(b"c\n\xe2\x80\x94\n\n"), 1, "a note is a text"),
    ];
    for (file, bad, code, words) in rows {
        let (path, good) = place(file);
        match bad {
            Some(bad) => std::fs::write(&path, bad).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let ended = hashicoin(&["audit", directory.path().to_str().unwrap(), "--json"]);
        assert_eq!((ended.code(), ended.stdout.as_str()), (code, ""), "{file}: {ended:?}");
        assert!(ended.stderr.contains(words), "{file}: {ended:?}");
        std::fs::write(&path, good).unwrap();
    }
}

#[test]
fn a_key_of_another_log_is_not_taken_for_this_ones() {
    let draft = Draft::new(VOTES);
    let directory = published(&draft);
    let place = directory.path().to_str().unwrap();
    let mut other = draft.clone();
    other.origin = "hashicoin/other".to_owned();
    let ended = hashicoin(&["audit", place, "--verifier-key", &other.verifier_key().to_string()]);
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(
        ended.stderr.contains("this is not the log that the key is for"),
        "{ended:?}"
    );
    // The right name, and a key that the publisher does not have.
    other = draft;
    other.log_key = crate::draft::key_pair(9);
    let (code, json) = audit(place, &["--verifier-key", &other.verifier_key().to_string()]);
    let found = findings(&json);
    assert_eq!((code, found.len()), (1, 7), "{json}");
    assert!(
        found
            .iter()
            .all(|line| line.contains("no key that is trusted here signed this")),
        "{json}"
    );
}
