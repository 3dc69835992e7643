//! A coin is money: it is in the request and in the ledger's nullifier, and nowhere else.

use std::fs;

use serde_json::json;

use super::server::Books;
use crate::harness::mint::Mint;

/// How every token begins.
const TOKEN_MARKER: &str = "aGFzaGljb2luL2NvaW4vdjEK";

#[test]
fn no_log_line_has_a_coin_in_it_even_at_the_most_talkative_level() {
    for log in ["text", "json"] {
        let mint = Mint::new();
        let pool = mint.mint_directory("pool", 1);
        let books = Books::init();
        let mut command = books.command(&["--log", log]);
        let server = books.run(command.env("RUST_LOG", "trace").arg("--pool").arg(&pool));
        let (good, forged) = (
            mint.coins("good", 1).remove(0),
            Mint::stranger().coins("forged", 1).remove(0),
        );
        assert_eq!(server.vote(&good, &json!({"clean-water": 1})).status, 201);
        assert_eq!(server.vote(&good, &json!({"open-books": 1})).status, 409);
        assert_eq!(server.vote(&forged, &json!({"clean-water": 1})).status, 403);
        assert_eq!(super::http2::vote(server.address, &good.header()), 202);
        let handed_out = server.take_coin("a-key-that-is-not-logged").json()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        let (ended, books) = server.terminate();
        let log_text = &ended.stderr;
        assert!(
            log_text.contains("answered"),
            "the level is as talkative as was asked: {log_text}"
        );
        let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
        for secret in [
            TOKEN_MARKER,
            "a-key-that-is-not-logged",
            &signature(&good.token),
            &signature(&forged.token),
            &signature(&handed_out),
        ] {
            assert!(!log_text.contains(secret), "{secret} is in the log");
        }
        if log == "json" {
            for line in log_text.lines() {
                assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
            }
        }
        // Nor does the ledger keep a coin that voted.
        for entry in fs::read_dir(books.ledger().parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let serial = good.txt.split("serial: ").nth(1).unwrap().get(..36).unwrap();
            assert!(
                !bytes.windows(36).any(|window| window == serial.as_bytes()),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_owner_can_read_the_books() {
    use std::os::unix::fs::PermissionsExt;
    let books = Books::init();
    for path in [books.ledger(), books.pool()] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}
