//! `hashicoin verify`, `vote` and `keyring`: every exit code, and that no coin is shown; `receipt`, `audit` and `export` of a running API.

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::api::Api;
use crate::harness::artifacts::{program, source};
use crate::harness::http;
use crate::harness::mint::{CAMPAIGN, Coin, Mint};
use crate::harness::process::{Ended, run};

/// Files that a test hands to the program.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn hashicoin(command: &str) -> Command {
    let mut hashicoin = Command::new(program("hashicoin"));
    hashicoin.arg(command);
    hashicoin
}

/// Runs it with a file as its standard input.
fn run_with_input(command: &mut Command, input: &Path) -> Output {
    command.stdin(File::open(input).unwrap()).output().unwrap()
}

fn stdout_json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn verify(coin: &Path, more: &[&str]) -> Ended {
    let mut command = hashicoin("verify");
    command.arg(coin).arg("--keys").arg(Mint::keys()).args(more);
    run(&mut command)
}

#[test]
fn a_good_coin_is_good() {
    let files = Files::new();
    let coin = files.write("coin.txt", &Mint::new().coins("good", 1)[0].txt);
    let ended = verify(&coin, &["--campaign", CAMPAIGN]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{ended:?}");
    assert!(
        ended.stdout.starts_with("good: campaign hashiconf-2020, serial "),
        "{ended:?}"
    );
    let ended = verify(&coin, &["--json"]);
    let json = stdout_json(&ended);
    assert_eq!(
        (&json["good"], &json["campaign"], &json["expires"], &json["key_version"]),
        (
            &json!(true),
            &json!(CAMPAIGN),
            &json!("2030-01-01T00:00:00Z"),
            &json!(2)
        )
    );
    // Whose word was taken is said.
    assert!(
        ended.stderr.contains("taking the coin's own word for hashiconf-2020"),
        "{ended:?}"
    );
    let mut command = hashicoin("verify");
    let from_input = run_with_input(command.args(["-", "--keys"]).arg(Mint::keys()), &coin);
    assert_eq!(from_input.status.code(), Some(0), "{from_input:?}");
}

#[test]
fn a_coin_that_is_no_good_is_refused_with_its_reason() {
    let files = Files::new();
    let good = &Mint::new().coins("good", 1)[0].txt;
    let stranger = &Mint::stranger().coins("good", 1)[0].txt;
    let changed = |from: &str, to: &str| {
        assert_eq!(good.matches(from).count(), 1);
        good.replace(from, to)
    };
    let rows: [(String, &[&str], &str); 10] = [
        (good.clone(), &["--campaign", "other"], "coin-wrong-campaign"),
        (good.clone(), &["--now", "2030-01-01T00:00:00Z"], "coin-expired"),
        (good.clone(), &["--min-key-version", "3"], "coin-key-retired"),
        (changed("vault:v2:", "vault:v1:"), &[], "coin-key-retired"),
        (changed("vault:v2:", "vault:v4:"), &[], "coin-key-unknown"),
        (changed("2030-01-01", "2031-01-01"), &[], "coin-bad-signature"),
        (stranger.clone(), &[], "coin-bad-signature"),
        (good.replace('\n', "\r\n"), &[], "coin-malformed"),
        (format!("{good}\n"), &[], "coin-malformed"),
        (String::new(), &[], "coin-malformed"),
    ];
    for (text, more, code) in rows {
        let ended = verify(&files.write("coin.txt", text), &[more, &["--json"]].concat());
        let json = stdout_json(&ended);
        assert_eq!(
            (ended.code(), &json["good"], &json["code"]),
            (1, &json!(false), &json!(code)),
            "{ended:?}"
        );
        assert!(ended.stderr.contains(json["detail"].as_str().unwrap()), "{ended:?}");
    }
    let ended = verify(&files.write("coin.txt", [0xff, 0xfe]), &[]);
    assert_eq!((ended.code(), ended.stdout.as_str()), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains("coin-malformed"), "{ended:?}");
}

#[test]
fn a_verdict_needs_a_coin_and_keys() {
    let files = Files::new();
    let coin = files.write("coin.txt", &Mint::new().coins("good", 1)[0].txt);
    let no_keys = files.write("keys.json", r#"{"data":{"keys":{"0":"AA=="}}}"#);
    for (coin, keys, words) in [
        (Path::new("/no/coin.txt"), Mint::keys(), "could not open /no/coin.txt"),
        (Path::new("/"), Mint::keys(), "could not read /"),
        (&coin, PathBuf::from("/no/keys.json"), "could not open /no/keys.json"),
        (&coin, no_keys, "the name is not a key version"),
        (Path::new("/dev/zero"), Mint::keys(), "more than 4096 bytes"),
    ] {
        let ended = run(hashicoin("verify").arg(coin).arg("--keys").arg(keys));
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words:?}: {ended:?}");
    }
}

/// An API without a proxy in front, and files; the gate has tests of its own.
struct Booth {
    files: Files,
    mint: Mint,
    api: Api,
}

impl Booth {
    fn open() -> Booth {
        let mint = Mint::new();
        let api = Api::start(&mint.mint_directory("pool", 1));
        Booth {
            files: Files::new(),
            mint,
            api,
        }
    }

    fn vote(&self, coin: &Coin, more: &[&str]) -> Ended {
        let ended = vote(self.api.address, &self.files.write("coin.txt", &coin.txt), more);
        let (_, signature) = coin.token.rsplit_once('.').unwrap();
        let (_, signature_txt) = coin.txt.rsplit_once("vault:").unwrap();
        for secret in [signature, signature_txt.trim_end()] {
            assert!(
                !ended.stdout.contains(secret) && !ended.stderr.contains(secret),
                "{ended:?}"
            );
        }
        ended
    }
}

fn vote(address: SocketAddr, coin: &Path, more: &[&str]) -> Ended {
    let mut command = hashicoin("vote");
    command
        .arg("--url")
        .arg(format!("http://{address}"))
        .arg("--coin")
        .arg(coin);
    run(command.args(more))
}

#[test]
fn a_vote_is_counted_once_and_said_so() {
    let booth = Booth::open();
    let coin = &booth.mint.coins("voter", 1)[0];
    let ended = booth.vote(coin, &["clean-water=3", "first-code"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(
        ended
            .stdout
            .starts_with("counted as vote 0: clean-water 750000, first-code 250000 units\nhttp://"),
        "{ended:?}"
    );
    // The same again, in other words, is the same vote.
    let again = booth.vote(coin, &["first-code=2", "clean-water=6", "--wait", "5"]);
    assert_eq!((again.code(), &again.stdout), (0, &ended.stdout), "{again:?}");
    let json = stdout_json(&booth.vote(coin, &["clean-water=3", "first-code", "--json"]));
    assert_eq!((&json["state"], &json["index"]), (&json!("counted"), &json!(0)));
    // Another vote is refused, naming why.
    let other = booth.vote(coin, &["clean-water", "--json"]);
    assert_eq!(
        (other.code(), &stdout_json(&other)["type"]),
        (1, &json!("/problems/coin-spent"))
    );
    assert!(other.stderr.contains("refused: The coin has been spent. "), "{other:?}");
    assert_eq!(
        ["counted", "repeated", "spent"].map(|outcome| booth.api.votes(outcome)),
        [1, 2, 1]
    );
}

/// The log's own word about itself, as a file.
fn log_info(booth: &Booth) -> PathBuf {
    booth
        .files
        .write("log.json", http::get(booth.api.address, "/v1/log/log.json").body)
}

#[test]
fn a_receipt_is_kept_and_verifies_offline() {
    let booth = Booth::open();
    let coin = &booth.mint.coins("voter", 1)[0];
    let path = |name: &str| booth.files.0.path().join(name);
    let kept = |name: &str| path(name).to_str().unwrap().to_owned();
    let first = kept("first.tlog-proof");
    let ended = booth.vote(coin, &["clean-water=6", "first-code=2", "--receipt", &first]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    // The same vote, the same receipt; another vote, the receipt of the one that stands.
    let again = kept("again.tlog-proof");
    let ended = booth.vote(coin, &["clean-water=3", "first-code", "--receipt", &again]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    let refused = kept("refused.tlog-proof");
    let ended = booth.vote(coin, &["clean-water", "--receipt", &refused]);
    assert_eq!(ended.code(), 1, "{ended:?}");
    for other in [&again, &refused] {
        assert_eq!(fs::read(&first).unwrap(), fs::read(other).unwrap());
    }
    // None is overwritten, and nothing is sent for it.
    let sent = booth.api.requests();
    let ended = booth.vote(coin, &["clean-water", "--receipt", &first]);
    assert_eq!((ended.code(), booth.api.requests()), (1, sent), "{ended:?}");
    assert!(ended.stderr.contains("a receipt is never overwritten"), "{ended:?}");

    let info = log_info(&booth);
    let mut verify = hashicoin("receipt");
    verify.args(["verify", &first, "--json", "--log-info"]).arg(&info);
    let ended = run(&mut verify);
    let json = stdout_json(&ended);
    assert_eq!((ended.code(), &json["good"]), (0, &json!(true)), "{ended:?}");
    assert_eq!(json["vote"], json!({"clean-water": 3, "first-code": 1}));
}

#[test]
fn a_receipt_of_something_else_is_not_kept() {
    let booth = Booth::open();
    let coins = booth.mint.coins("voter", 2);
    let path = |name: &str| booth.files.0.path().join(name).to_str().unwrap().to_owned();
    let good = path("good.tlog-proof");
    let ended = booth.vote(&coins[0], &["clean-water", "--receipt", &good]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    let receipt = fs::read_to_string(good).unwrap();
    let lying = |coin: &Coin, receipt: Value, choice: &str, name: &str| {
        let body = json!({"id": "0", "index": 0, "state": "counted", "units": {}, "receipt": receipt}).to_string();
        let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let coin = booth.files.write("coin.txt", &coin.txt);
        vote(one_answer(answer), &coin, &[choice, "--receipt", &path(name)])
    };
    for (coin, receipt, choice, words) in [
        (&coins[1], json!(receipt), "clean-water", "is of another coin"),
        (
            &coins[0],
            json!(receipt),
            "first-code",
            "is of another vote than was sent",
        ),
        (&coins[0], json!("hello"), "clean-water", "is none"),
        (&coins[0], json!(null), "clean-water", "its receipt is not there yet"),
    ] {
        let ended = lying(coin, receipt, choice, "bad.tlog-proof");
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
        assert!(!Path::new(&path("bad.tlog-proof")).exists());
    }
}

#[test]
fn the_log_of_a_running_api_is_clean_and_so_is_its_export() {
    let booth = Booth::open();
    for coin in booth.mint.coins("voter", 20) {
        let ended = booth.vote(&coin, &["clean-water", "first-code=2"]);
        assert_eq!(ended.code(), 0, "{ended:?}");
    }
    let url = format!("http://{}", booth.api.address);
    let audit = |place: &str| {
        let ended = run(hashicoin("audit").args([place, "--json"]));
        let json = stdout_json(&ended);
        assert_eq!((ended.code(), &json["clean"]), (0, &json!(true)), "{ended:?}");
        (json["root"].clone(), json["recounted"].clone())
    };
    let served = audit(&url);
    assert_eq!(served.1["votes"], json!(20));
    let copy = booth.files.0.path().join("copy");
    let ended = run(hashicoin("export").arg(&url).arg(&copy));
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(audit(copy.to_str().unwrap()), served);
}

#[test]
fn a_coin_from_standard_input_votes_as_well() {
    let booth = Booth::open();
    let coin = booth.files.write("coin.txt", &booth.mint.coins("voter", 1)[0].txt);
    let mut command = hashicoin("vote");
    command
        .arg("--url")
        .arg(format!("http://{}/", booth.api.address))
        .args(["--coin", "-", "clean-water"]);
    let output = run_with_input(&mut command, &coin);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(booth.api.votes("counted"), 1);
}

#[test]
fn a_refused_vote_says_why() {
    let booth = Booth::open();
    let coin = &booth.mint.coins("voter", 1)[0];
    let unknown = booth.vote(coin, &["no-such-charity"]);
    assert_eq!((unknown.code(), unknown.stdout.as_str()), (1, ""), "{unknown:?}");
    assert!(
        unknown.stderr.contains("422 /problems/vote-unknown-charity"),
        "{unknown:?}"
    );
    let forged = booth.vote(&Mint::stranger().coins("voter", 1)[0], &["clean-water"]);
    assert_eq!(forged.code(), 1, "{forged:?}");
    assert!(forged.stderr.contains("403 /problems/coin-bad-signature"), "{forged:?}");
    // What is no coin, or no clear vote, is not sent.
    let sent = booth.api.requests();
    let no_coin = vote(
        booth.api.address,
        &booth.files.write("no-coin.txt", "hello"),
        &["clean-water"],
    );
    assert_eq!(no_coin.code(), 1, "{no_coin:?}");
    assert!(no_coin.stderr.contains("Nothing was sent."), "{no_coin:?}");
    let twice = booth.vote(coin, &["clean-water", "clean-water=2"]);
    assert_eq!(twice.code(), 64, "{twice:?}");
    assert!(twice.stderr.contains("clean-water is named twice"), "{twice:?}");
    assert_eq!((booth.api.requests(), booth.api.votes("counted")), (sent, 0));
}

/// A server that gives one answer to one request. Nobody waits for its end: it may be that nobody asks.
fn one_answer(answer: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Until the client has gone: closing earlier could take the answer back.
        std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    });
    address
}

#[test]
fn without_an_answer_that_says_which_it_is_neither_counted_nor_refused() {
    let files = Files::new();
    let coin = files.write("coin.txt", &Mint::new().coins("voter", 1)[0].txt);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = vote(nobody, &coin, &["clean-water"]);
    assert_eq!(ended.code(), 2, "{ended:?}");
    assert!(ended.stderr.contains("no answer from http://127.0.0.1:"), "{ended:?}");
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 70\r\n\r\n{\"type\":\"/problems/busy\",\"title\":\"Busy\",\"status\":503,\"detail\":\"Wait.\"}",
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/v1/votes\r\ncontent-length: 0\r\n\r\n",
        "not HTTP\r\n\r\n",
    ] {
        let ended = vote(one_answer(answer.to_owned()), &coin, &["clean-water"]);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{answer}: {ended:?}");
    }
    let ended = vote(nobody, Path::new("/no/coin.txt"), &["clean-water"]);
    assert_eq!(ended.code(), 2, "{ended:?}");
}

#[test]
fn a_coin_goes_nowhere_but_to_the_address_that_was_given() {
    let files = Files::new();
    let coin = files.write("coin.txt", &Mint::new().coins("voter", 1)[0].txt);
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let proxy = format!("http://{}", elsewhere.local_addr().unwrap());
    for status in ["303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let address = one_answer(format!(
            "HTTP/1.1 {status}\r\nlocation: {proxy}/v1/votes\r\ncontent-length: 0\r\n\r\n"
        ));
        let mut command = hashicoin("vote");
        for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env(variable, &proxy);
        }
        command
            .arg("--url")
            .arg(format!("http://{address}"))
            .arg("--coin")
            .arg(&coin);
        let ended = run(command.arg("clean-water"));
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.stderr.contains("status 30"), "{ended:?}");
    }
    let nobody_came = elsewhere.accept().unwrap_err();
    assert_eq!(nobody_came.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn the_keyring_shows_versions_fingerprints_and_what_is_retired() {
    let ended = run(hashicoin("keyring").arg(Mint::keys()));
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{ended:?}");
    // Computed with coreutils: `printf '%s' <public_key> | base64 -d | sha256sum`.
    assert_eq!(
        ended.stdout,
        "version 1  sha256:34750f98bd59fcfc946da45aaabe933be154a4b5094e1c4abf42866505f3c97e  retired\n\
         version 2  sha256:6a3803d5f059902a1c6dafbc9ba4729212f7caac08634cc3ae76b27529f03827\n\
         version 3  sha256:b62e867fa2f33afe62d5d6b1642e1621d543307846b2a57b897e710919b76709\n"
    );
    let ended = run(hashicoin("keyring")
        .arg(Mint::keys())
        .args(["--json", "--min-key-version", "3"]));
    let json = stdout_json(&ended);
    let retired: Vec<&Value> = json["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["retired"])
        .collect();
    assert_eq!(
        (&json["min_version"], retired),
        (&json!(3), vec![&json!(true), &json!(true), &json!(false)])
    );
    let from_input = run_with_input(hashicoin("keyring").arg("-"), &Mint::keys());
    assert_eq!(from_input.status.code(), Some(0), "{from_input:?}");
}

#[test]
fn the_gate_s_configuration_is_made_from_the_keyring() {
    let mut command = hashicoin("keyring");
    command
        .arg(Mint::keys())
        .args(["--gate-config", "--campaign", "a-campaign", "--mode", "shadow"]);
    let ended = run(&mut command);
    assert_eq!(ended.code(), 0, "{ended:?}");
    let config = stdout_json(&ended);
    let vault: Value = serde_json::from_str(&fs::read_to_string(Mint::keys()).unwrap()).unwrap();
    assert_eq!(
        (&config["mode"], &config["campaign"], &config["keys"]),
        (&json!("shadow"), &json!("a-campaign"), &vault["data"])
    );
    // The routes are those that the shipped proxy configuration has.
    let bootstrap = fs::read_to_string(source("envoy/bootstrap.yaml")).unwrap();
    for route in config["routes"].as_array().unwrap() {
        let path = route.get("path").or(route.get("prefix")).unwrap().to_string();
        assert!(bootstrap.contains(&path), "{path}");
    }
}

#[test]
fn a_keyring_that_is_none_is_refused_with_every_mistake() {
    let files = Files::new();
    let wrong = files.write(
        "keys.json",
        r#"{"data":{"type":"rsa-2048","derived":true,"keys":{"1":"AA==","x":"AA=="}}}"#,
    );
    let ended = run(hashicoin("keyring").arg(wrong));
    assert_eq!((ended.code(), ended.stdout.as_str()), (1, ""), "{ended:?}");
    for mistake in ["rsa-2048", "derived", "keys.\"1\"", "keys.\"x\""] {
        assert!(ended.stderr.contains(mistake), "{mistake}: {ended:?}");
    }
    let ended = run(hashicoin("keyring").arg(Mint::keys()).args(["--min-key-version", "4"]));
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("above every key"), "{ended:?}");
    assert_eq!(run(hashicoin("keyring").arg("/no/keys.json")).code(), 2);
}

#[test]
fn a_slip_of_the_fingers_is_a_usage_error() {
    for arguments in [
        &[][..],
        &["no-such-command"],
        &["verify"],
        &["verify", "coin.txt"],
        &["verify", "coin.txt", "--keys", "k", "--campaign", "A"],
        &["verify", "coin.txt", "--keys", "k", "--now", "tomorrow"],
        &["verify", "coin.txt", "--keys", "k", "--min-key-version", "0"],
        &["vote", "--url", "http://127.0.0.1:1", "--coin", "c"],
        &["vote", "--url", "https://127.0.0.1:1", "--coin", "c", "a"],
        &["vote", "--url", "127.0.0.1:1", "--coin", "c", "a"],
        &["vote", "--url", "http://127.0.0.1:1", "--coin", "c", "a=0"],
        &["vote", "--url", "http://127.0.0.1:1", "--coin", "c", "a=x"],
        &["vote", "--url", "http://127.0.0.1:1", "--coin", "c", "=1"],
        &[
            "vote",
            "--url",
            "http://127.0.0.1:1",
            "--coin",
            "c",
            "a",
            "--wait",
            "31",
        ],
        &["keyring", "k", "--gate-config"],
        &["keyring", "k", "--mode", "off"],
        &["keyring", "k", "--gate-config", "--campaign", "a", "--json"],
    ] {
        let ended = run(Command::new(program("hashicoin")).args(arguments));
        assert_eq!(
            (ended.code(), ended.stdout.as_str()),
            (64, ""),
            "{arguments:?}: {ended:?}"
        );
    }
    for command in ["", "dev", "verify", "vote", "keyring"] {
        let ended = run(Command::new(program("hashicoin"))
            .args(command.split_whitespace())
            .arg("--help"));
        assert_eq!(ended.code(), 0, "{ended:?}");
        assert!(ended.stdout.contains("Exit codes: 0 "), "{ended:?}");
    }
}
