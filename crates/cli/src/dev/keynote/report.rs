//! The report of a keynote: one page that needs nothing but itself, made of what the walk told and of nothing else.

use serde_json::Value;

use super::curve;

const STYLE: &str = include_str!("report.css");

/// Bytes in the unit that memory is shown in.
const MEBIBYTE: u64 = 1 << 20;

/// The page, of the object that [`super::walk`] gives. What the object does not have, such as the tally after a failure, is left out.
pub fn page(told: &Value) -> String {
    let verdict = if told["ok"] == true {
        "<span class=\"good\">it held</span>"
    } else {
        "<span class=\"bad\">it did not hold</span>"
    };
    let parts = [
        failure(told),
        figures(told),
        outcome(told),
        scaling(told),
        addresses(told),
        steps(told),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>HashiCoin: the keynote</title>\n<style>\n{STYLE}</style>\n<h1>The keynote: {verdict}</h1>\n{}</html>\n",
        parts.concat()
    )
}

fn failure(told: &Value) -> String {
    let (Some(step), Some(error)) = (told["failed"].as_str(), told["error"].as_str()) else {
        return String::new();
    };
    format!(
        "<p>The step that failed: {}</p>\n<pre>{}</pre>\n",
        escaped(step),
        escaped(error)
    )
}

fn figures(told: &Value) -> String {
    let asserted: usize = list(&told["steps"])
        .iter()
        .map(|step| list(&step["asserted"]).len())
        .sum();
    let memory = told["memory_bytes_max"].as_u64().unwrap_or_default() / MEBIBYTE;
    format!(
        "<p>{} steps, {asserted} assertions, {}. After no step did all processes together take more than {memory} MiB.</p>\n",
        list(&told["steps"]).len(),
        seconds(told)
    )
}

/// Who gets what, and what a stranger found.
fn outcome(told: &Value) -> String {
    let (tally, audit) = (&told["tally"], &told["audit"]);
    if tally.is_null() || audit.is_null() {
        return String::new();
    }
    let row = |charity: &Value| {
        format!(
            "<tr><td>{}</td><td class=\"number\">{} %</td><td class=\"number\">{}</td></tr>\n",
            text(&charity["name"]),
            text(&charity["percent"]),
            charity["donation_minor_units"]
        )
    };
    let rows: String = list(&tally["charities"]).iter().map(row).collect();
    let finding = match audit["findings_count"].as_u64() {
        Some(0) => "nothing wrong".to_owned(),
        _ => format!("{} things wrong", audit["findings_count"]),
    };
    format!(
        "<h2>The outcome</h2>\n<table>\n<tr><th>Charity</th><th class=\"number\">Share</th><th class=\"number\">Donation, minor units of {}</th></tr>\n{rows}</table>\n\
         <p>Of {} votes. A stranger's audit read all {} entries of the log and found {finding}. The log's root: <code>{}</code></p>\n",
        text(&tally["donation"]["currency"]),
        tally["votes"],
        audit["size"],
        text(&audit["root"])
    )
}

fn scaling(told: &Value) -> String {
    let picture = curve::svg(list(&told["curve"]));
    if picture.is_empty() {
        return picture;
    }
    format!("<h2>The scaling</h2>\n<figure style=\"margin: 0\">{picture}</figure>\n")
}

fn addresses(told: &Value) -> String {
    let row = |part: &Value| {
        let address = text(&part["address"]);
        format!(
            "<tr><td>{}</td><td><a href=\"{address}/\">{address}/</a></td></tr>\n",
            text(&part["name"])
        )
    };
    let rows: String = list(&told["addresses"]).iter().map(row).collect();
    format!("<h2>Where it listened</h2>\n<table>\n{rows}</table>\n")
}

fn steps(told: &Value) -> String {
    let step = |(index, step): (usize, &Value)| {
        let asserted = list(&step["asserted"])
            .iter()
            .map(|what| format!("<li>{}</li>\n", text(what)));
        let commands = list(&step["commands"])
            .iter()
            .map(|command| format!("$ {}\n", text(command)));
        let (asserted, commands): (String, String) = (asserted.collect(), commands.collect());
        let commands = if commands.is_empty() {
            commands
        } else {
            format!("<details><summary>Commands</summary><pre>{commands}</pre></details>\n")
        };
        format!(
            "<h3>{}. {} <small>{}</small></h3>\n<ul>\n{asserted}</ul>\n{commands}",
            index + 1,
            text(&step["name"]),
            seconds(step)
        )
    };
    let steps: String = list(&told["steps"]).iter().enumerate().map(step).collect();
    format!("<h2>Step by step</h2>\n{steps}")
}

fn seconds(of: &Value) -> String {
    format!("{:.1} s", of["seconds"].as_f64().unwrap_or_default())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A string of the object, as HTML.
fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

/// Text as HTML, also inside an attribute's quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::page;

    fn told() -> Value {
        json!({
            "ok": true,
            "steps": [{"name": "a key", "commands": ["vault read a<b"], "asserted": ["it is", "it holds"], "seconds": 1.26}],
            "seconds": 61.04,
            "memory_bytes_max": 3 << 20,
            "curve": [{"after_s": 0, "api": 1}, {"after_s": 2, "api": 2}],
            "tally": {"votes": 4, "donation": {"currency": "USD", "minor_units": 9},
                "charities": [{"name": "Wells & Co", "percent": "75.00", "donation_minor_units": 7}]},
            "audit": {"size": 4, "findings_count": 0, "root": "r00t"},
            "addresses": [{"name": "Page", "address": "http://127.0.0.1:1"}],
        })
    }

    #[test]
    fn everything_that_was_told_is_in_the_page() {
        let page = page(&told());
        for part in [
            "it held",
            "1 steps, 2 assertions, 61.0 s",
            "more than 3 MiB",
            "Wells &amp; Co</td><td class=\"number\">75.00 %</td><td class=\"number\">7<",
            "minor units of USD",
            "found nothing wrong",
            "r00t",
            "<svg",
            "<a href=\"http://127.0.0.1:1/\">",
            "$ vault read a&lt;b",
            "<small>1.3 s</small>",
            "<li>it holds</li>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        for elsewhere in ["<script", "<link", "src=", "url(", "@import"] {
            assert!(!page.contains(elsewhere), "{elsewhere}: {page}");
        }
    }

    #[test]
    fn a_failure_stands_at_the_top_and_what_was_not_reached_is_left_out() {
        let mut told = told();
        for (field, value) in [
            ("ok", json!(false)),
            ("failed", json!("a key")),
            ("error", json!("\"<no>\"")),
            ("tally", Value::Null),
            ("audit", Value::Null),
            ("curve", json!([])),
        ] {
            told[field] = value;
        }
        let page = page(&told);
        assert!(page.contains("it did not hold"), "{page}");
        assert!(
            page.contains("failed: a key</p>\n<pre>&quot;&lt;no&gt;&quot;</pre>"),
            "{page}"
        );
        assert!(!page.contains("The outcome") && !page.contains("<svg"), "{page}");
    }
}
