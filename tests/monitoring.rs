//! What is watched, by files: Prometheus takes them, and each alert fires when it should and only then. Whether the mesh has what they ask for, `mesh::monitoring` looks.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::artifacts::{root, tools};
use crate::harness::process::{Ended, run};

/// What an alert has to say.
const SAYS: [&str; 4] = ["severity: ", "summary: ", "description: ", "runbook: "];

fn promtool(arguments: &[&str]) -> Ended {
    let program = tools().join("promtool");
    assert!(
        program.is_file(),
        "{} is not there: run `cargo xtask tools`",
        program.display()
    );
    run(Command::new(program).current_dir(directory()).args(arguments))
}

fn directory() -> PathBuf {
    root().join("monitoring")
}

/// Alerts that say too little, that no test fires and keeps silent, or that the page for operators does not have.
fn complaints(alerts: &str, tests: &str, page: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for alert in alerts.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        let missing = SAYS.iter().filter(|what| !alert.contains(*what));
        complaints.extend(missing.map(|what| format!("{name} has no {what}")));
        if !page.contains(&format!("`{name}`")) {
            complaints.push(format!("docs/operating.md has no {name}"));
        }
        for test in [format!("- name: {name} fires\n"), format!("- name: {name} is silent\n")] {
            if !tests.contains(&test) {
                complaints.push(format!("no {test:?}"));
            }
        }
    }
    complaints
}

#[test]
fn prometheus_takes_the_configuration_and_the_rules() {
    // Not whether the token's file is there: it is where Prometheus runs.
    let ended = promtool(&["check", "config", "--syntax-only", "prometheus.yml"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    let ended = promtool(&[
        "check",
        "rules",
        "--lint-fatal",
        "rules/recording.yml",
        "rules/alerts.yml",
        "rules/jobs.yml",
    ]);
    assert_eq!(ended.code(), 0, "{ended:?}");
}

#[test]
fn each_alert_fires_on_what_is_bad_and_is_silent_on_what_is_good() {
    let ended = promtool(&["test", "rules", "rules/tests.yml"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
}

#[test]
fn each_alert_says_what_to_do_and_is_tested() {
    let read = |name| fs::read_to_string(directory().join("rules").join(name)).unwrap();
    let page = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let alerts = read("alerts.yml") + &read("jobs.yml");
    let complaints = complaints(&alerts, &read("tests.yml"), &page);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn an_alert_that_says_nothing_and_is_not_tested_is_found() {
    assert_eq!(
        complaints("- alert: Bad\n  expr: up == 0\n", "", "").len(),
        SAYS.len() + 3
    );
}
