//! Holds answers against `crates/api/openapi.json`, the API's own description of itself.
//!
//! The schemas there use few of JSON Schema's words. This knows exactly those, and fails on any other instead of passing it by.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use serde_json::Value;

use crate::harness::artifacts::source;
use crate::harness::http::Response;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = fs::read(source("crates/api/openapi.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
});

/// A promise of the document: method, path as it is written there, status.
pub type Promise = (String, String, String);

/// Every answer that is promised, but for `default`, which stands for what should never be seen.
pub fn promises() -> BTreeSet<Promise> {
    let mut promises = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let statuses = operation["responses"].as_object().unwrap().keys();
            for status in statuses.filter(|status| *status != "default") {
                promises.insert((method.to_uppercase(), path.clone(), status.clone()));
            }
        }
    }
    promises
}

/// Every method and path of the document, with something in place of the path's parameters.
pub fn operations() -> BTreeSet<(String, String)> {
    let id = "0".repeat(64);
    let named = |(method, mut path, _): Promise| {
        let of_a_part = path.ends_with("{width}");
        for (parameter, value) in [
            ("{code}", "busy"),
            ("{id}", id.as_str()),
            ("{level}", "0"),
            ("{index}", if of_a_part { "000.p" } else { "000" }),
            ("{width}", "1"),
        ] {
            path = path.replace(parameter, value);
        }
        (method, path)
    };
    promises().into_iter().map(named).collect()
}

/// Fails unless this very answer is promised; gives the promise. `None` for an address or a method that the document does not have: that must be
/// refused as such.
pub fn check(method: &str, path: &str, response: &Response) -> Option<Promise> {
    // HEAD is answered as GET is, without the body.
    let documented = if method == "HEAD" { "GET" } else { method };
    let found = item(path);
    let operation = found.and_then(|(_, item)| item.get(documented.to_lowercase()));
    let Some(((template, _), operation)) = found.zip(operation) else {
        let refusal = if found.is_some() { 405 } else { 404 };
        assert_eq!(response.status, refusal, "{method} {path}: {response:?}");
        return None;
    };
    let status = response.status.to_string();
    let at = format!("{method} {path} {status}");
    let promised = operation["responses"].get(&status);
    // A failure of ours is promised everywhere, and to be 500.
    let failure = || operation["responses"].get("default").filter(|_| status == "500");
    let promised = resolve(
        promised
            .or_else(failure)
            .unwrap_or_else(|| panic!("{at} is not promised: {response:?}")),
    );
    for (name, header) in promised["headers"].as_object().into_iter().flatten() {
        check_header(
            resolve(header),
            response.header(&name.to_lowercase()),
            &format!("{at}: {name}"),
        );
    }
    if method != "HEAD" {
        check_body(promised, response, &at);
    }
    Some((documented.to_owned(), template.to_owned(), status))
}

/// Fails unless the value is one of this schema of the document.
pub fn check_against(schema: &str, value: &Value) {
    conforms(&DOCUMENT["components"]["schemas"][schema], value, schema);
}

/// The document's entry for a path; one without parameters goes first.
fn item(path: &str) -> Option<(&'static str, &'static Value)> {
    let path = path.split('?').next().unwrap_or(path);
    let matches = |template: &str| {
        let (segments, wanted) = (path.split('/'), template.split('/'));
        segments.clone().count() == wanted.clone().count()
            && segments
                .zip(wanted)
                .all(|(segment, wanted)| wanted == segment || wanted.starts_with('{'))
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let found = paths
        .get_key_value(path)
        .or_else(|| paths.iter().find(|(template, _)| matches(template)));
    found.map(|(template, item)| (template.as_str(), item))
}

fn check_header(header: &'static Value, value: Option<&str>, at: &str) {
    let Some(value) = value else {
        assert_ne!(header["required"], true, "{at} is missing");
        return;
    };
    let schema = resolve(&header["schema"]);
    let value = match schema["type"].as_str() {
        Some("integer") => serde_json::from_str(value).unwrap_or_else(|error| panic!("{at}: {value}: {error}")),
        _ => Value::from(value),
    };
    conforms(schema, &value, at);
}

fn check_body(promised: &'static Value, response: &Response, at: &str) {
    let Some(content) = promised.get("content") else {
        assert!(response.body.is_empty(), "{at}: a body that is not promised");
        return;
    };
    let media_type = response.header("content-type").unwrap_or_default();
    let media = content
        .get(media_type)
        .unwrap_or_else(|| panic!("{at}: {media_type:?} is not promised"));
    let body = if media_type.ends_with("json") {
        response.json()
    } else if media_type.starts_with("text/") {
        Value::from(response.text())
    } else {
        // Bytes, of which JSON Schema says nothing.
        Value::Null
    };
    conforms(&media["schema"], &body, at);
}

/// Fails unless the value is what the schema says.
fn conforms(schema: &'static Value, value: &Value, at: &str) {
    let schema = resolve(schema);
    for (word, rule) in schema.as_object().unwrap() {
        let holds = match word.as_str() {
            "description" => true,
            "type" => kind_of(value) == rule.as_str().unwrap(),
            "enum" => rule.as_array().unwrap().contains(value),
            "pattern" => matches(rule.as_str().unwrap(), value.as_str().unwrap()),
            "minimum" => value.as_u64() >= rule.as_u64(),
            "maximum" => value.as_u64() <= rule.as_u64(),
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.get(key.as_str().unwrap()).is_some()),
            "properties" => {
                for (key, schema) in rule.as_object().unwrap() {
                    if let Some(member) = value.get(key) {
                        conforms(schema, member, &format!("{at}.{key}"));
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = |key: &String| schema["properties"].get(key).is_some();
                let additional = value.as_object().unwrap().iter().filter(|(key, _)| !known(key));
                for (key, member) in additional {
                    assert_ne!(rule, false, "{at}: {key} is not promised");
                    conforms(rule, member, &format!("{at}.{key}"));
                }
                true
            }
            "items" => {
                for (position, member) in value.as_array().unwrap().iter().enumerate() {
                    conforms(rule, member, &format!("{at}[{position}]"));
                }
                true
            }
            unknown => panic!("{at}: this test does not know the word {unknown} of JSON Schema"),
        };
        assert!(holds, "{at}: {value} is not of {word} {rule}");
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(pattern).unwrap().is_match(text)
}

/// Follows a reference.
fn resolve(value: &'static Value) -> &'static Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
        return value;
    };
    let pointer = reference.strip_prefix('#').unwrap();
    DOCUMENT
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

#[test]
#[should_panic = "is not of pattern"]
fn a_value_that_breaks_its_schema_is_seen() {
    let tally = serde_json::json!({"campaign": "Not A Slug"});
    check_against("Tally", &tally);
}
