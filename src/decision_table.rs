//! The decision table, run natively: `tests/testdata/decisions/*.json`. The compiled module is held to the same files by the integration tests, so
//! the two cannot differ without one of them failing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use coin::Timestamp;
use serde_json::{Value, json};

use crate::config::{Config, Mode};
use crate::gate::{Verdict, decide, names_to_strip, verdict_headers};
use crate::metrics::counter_names;

#[test]
fn every_case_ends_as_the_table_says() {
    let mut cases = 0;
    for (file, table) in tables() {
        let config = Config::parse(table["config"].to_string().as_bytes()).expect(&file);
        let now = Timestamp::parse(table["now"].as_str().unwrap());
        for case in table["cases"].as_array().unwrap() {
            let headers = headers(&case["headers"]);
            assert_eq!(
                outcome(&config, now, &headers),
                case["expect"],
                "{file}: {}",
                case["name"]
            );
            cases += 1;
        }
    }
    assert!(cases > 100, "only {cases} cases were found");
}

#[test]
fn without_a_clock_no_coin_is_good() {
    let (_, table) = tables().into_iter().find(|(file, _)| file == "carriers.json").unwrap();
    let config = Config::parse(table["config"].to_string().as_bytes()).unwrap();
    let headers = headers(&table["cases"][0]["headers"]);
    assert_eq!(outcome(&config, None, &headers)["refusal"], "gate-unavailable");
}

/// What the gate does, in the table's words.
fn outcome(config: &Config, now: Option<Timestamp>, headers: &[(Vec<u8>, Vec<u8>)]) -> Value {
    if config.mode == Mode::Off {
        return json!({ "verdict": "untouched" });
    }
    let pairs: Vec<_> = headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    let names = counter_names(config.mode);
    let (mut outcome, set) = match decide(config, &pairs, || now) {
        Verdict::Free => (json!({ "verdict": "free", "counter": names.free }), BTreeMap::new()),
        Verdict::Accepted(accepted) => (
            json!({ "verdict": "accepted", "counter": names.accepted }),
            BTreeMap::from(verdict_headers(&accepted)),
        ),
        Verdict::Refused(refusal) => {
            let (_, counter) = names.refused.iter().find(|(reason, _)| *reason == refusal).unwrap();
            return json!({ "verdict": "refused", "refusal": refusal.code(), "counter": counter });
        }
    };
    if config.mode == Mode::Enforce {
        let removed: Vec<_> = names_to_strip(&pairs)
            .into_iter()
            .map(String::from_utf8_lossy)
            .collect();
        outcome["upstream"] = json!({ "set": set, "removed": removed });
    }
    outcome
}

fn tables() -> Vec<(String, Value)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join("tests/testdata/decisions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let keys: Value = serde_json::from_str(&read(&root().join("crates/coin/testdata/keys.json"))).unwrap();
    let table = |path: &PathBuf| {
        let mut table: Value = serde_json::from_str(&read(path)).unwrap();
        assert_eq!(table["config"]["keys"], "@keys.json");
        table["config"]["keys"] = keys.clone();
        (path.file_name().unwrap().to_string_lossy().into_owned(), table)
    };
    paths.iter().map(table).collect()
}

fn headers(value: &Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pair = |pair: &Value| (bytes(&pair[0]), bytes(&pair[1]));
    value.as_array().unwrap().iter().map(pair).collect()
}

/// A header's name or value: text in which `${NAME}` stands for a token of the coin's test data, or `{"hex": …}`.
fn bytes(value: &Value) -> Vec<u8> {
    if let Some(hex) = value["hex"].as_str() {
        let octet = |index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap();
        return (0..hex.len()).step_by(2).map(octet).collect();
    }
    let mut text = value.as_str().unwrap().to_owned();
    while let Some(start) = text.find("${") {
        let end = start + text[start..].find('}').unwrap();
        let name = &text[start + 2..end];
        let file = read(&root().join(format!("crates/coin/testdata/tokens/{name}.txt")));
        let (_, token) = file.split_once("\n\n").unwrap();
        text.replace_range(start..=end, token.strip_suffix('\n').unwrap_or(token));
    }
    text.into_bytes()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
