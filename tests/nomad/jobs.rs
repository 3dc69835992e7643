//! The job files, rendered by Nomad and held to the rules that every job here keeps.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::artifacts::{nomad, source};
use crate::harness::process::run;

/// What a file takes: places, and for what is scaled, how.
const VARIABLES: [&str; 21] = [
    "programs",
    "campaign",
    "envoy",
    "vault",
    "consul",
    "redis_server",
    "redis_cli",
    "port",
    "consul_grpc",
    "prometheus",
    "rules",
    "nomad",
    "scrape_interval",
    "autoscaler",
    "expires",
    "keep",
    "requests_per_second",
    "capacity",
    "window",
    "evaluation_interval",
    "cooldown",
];

/// The job in a file, as Nomad reads it: each variable that has no default is `/its-name`.
fn render(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    let mut render = Command::new(nomad());
    render.args(["job", "run", "-output"]);
    for block in text.split("\nvariable \"").skip(1) {
        let (name, rest) = block.split_once('"').unwrap();
        assert!(VARIABLES.contains(&name), "{}: {name} is no place", file.display());
        if !rest.split_once("\n}").unwrap().0.contains("default") {
            render.args(["-var", &format!("{name}=/{name}")]);
        }
    }
    let ended = run(render.arg(file));
    assert_eq!(ended.code(), 0, "{}: {ended:?}", file.display());
    let rendered: Value = serde_json::from_str(&ended.stdout).unwrap();
    rendered["Job"].clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Which rules a job breaks.
fn broken(job: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let is_batch = job["Type"] == "batch";
    for group in list(&job["TaskGroups"]) {
        let mut rule = |holds: bool, rule: &str| {
            if !holds {
                broken.push(format!("{}: {rule}", group["Name"].as_str().unwrap()));
            }
        };
        let services = list(&group["Services"]);
        rule(!services.is_empty(), "no service: nobody can say who may speak to it");
        for service in services {
            let connect = &service["Connect"];
            let proxied = !connect["SidecarService"].is_null() || !connect["Gateway"].is_null();
            // What is Nomad's own stands beside the mesh: it is looked up there, and no intention is about it.
            let is_nomads = service["Provider"] == "nomad";
            rule(proxied || is_nomads, "a service without a proxy");
            rule(limited(&connect["SidecarTask"]) || is_nomads, "a proxy without limits");
            // Whoever only calls others has nothing to be asked.
            let is_called = service["PortLabel"].as_str().is_some_and(|port| !port.is_empty());
            rule(
                !is_called || !list(&service["Checks"]).is_empty(),
                "a service without a check",
            );
        }
        let mode = &group["Networks"][0]["Mode"];
        let is_gateway = services.iter().any(|service| !service["Connect"]["Gateway"].is_null());
        rule(mode == "bridge" || is_gateway, "no network of its own");
        for task in list(&group["Tasks"]) {
            rule(limited(task), "a task without limits");
            let role = &task["Vault"]["Role"];
            rule(
                task["Vault"].is_null() || *role == job["ID"],
                "another job's role in Vault",
            );
        }
        rule(!group["RestartPolicy"]["Attempts"].is_null(), "no word about restarts");
        if !is_batch {
            let update = &group["Update"];
            rule(update["AutoRevert"] == true, "a bad update stays");
            rule(update["HealthyDeadline"].is_u64(), "an update waits for ever");
        }
    }
    broken
}

fn limited(task: &Value) -> bool {
    let resources = &task["Resources"];
    resources["CPU"].is_u64() && resources["MemoryMB"].is_u64()
}

#[test]
fn every_job_keeps_the_rules() {
    let mut names = Vec::new();
    for entry in fs::read_dir(source("nomad/jobs")).unwrap() {
        let file = entry.unwrap().path();
        let job = render(&file);
        assert_eq!(broken(&job), [""; 0], "{}", file.display());
        let name = job["ID"].as_str().unwrap().to_owned();
        assert!(file.ends_with(format!("{name}.nomad.hcl")), "{}", file.display());
        names.push(name);
    }
    names.sort();
    assert_eq!(
        names,
        [
            "api",
            "autoscaler",
            "ledger",
            "ledger-init",
            "miner",
            "pci-gateway",
            "prometheus",
            "redis",
            "refill"
        ]
    );
}

#[test]
fn a_job_that_breaks_every_rule_is_found_out() {
    let job = render(&source("tests/testdata/nomad/careless.nomad.hcl"));
    assert_eq!(
        broken(&job),
        [
            "lonely: no service: nobody can say who may speak to it",
            "lonely: a task without limits",
            "lonely: no word about restarts",
            "lonely: a bad update stays",
            "lonely: an update waits for ever",
            "open: a service without a proxy",
            "open: a proxy without limits",
            "open: a service without a check",
            "open: no network of its own",
            "open: a task without limits",
            "open: another job's role in Vault",
            "open: no word about restarts",
            "open: a bad update stays",
            "open: an update waits for ever",
        ]
    );
}

/// With one api there is always one that answers: the new one is healthy before the old one goes, and the old one is not sent anything any more before it is told to end.
#[test]
fn the_api_is_updated_beside_itself_and_drained() {
    let job = render(&source("nomad/jobs/api.nomad.hcl"));
    let group = &job["TaskGroups"][0];
    let update = &group["Update"];
    assert_eq!((&update["Canary"], &update["AutoPromote"]), (&1.into(), &true.into()));
    assert!(group["ShutdownDelay"].as_u64().unwrap() > 0);
    // The longest vote: 35 s at the gateway.
    assert!(group["Tasks"][0]["KillTimeout"].as_u64().unwrap() > 35_000_000_000);
}

/// An allocation's disk is lost with it: what a voter was promised, and what was signed last, is kept by the machine.
#[test]
fn what_must_last_is_on_no_disk_of_an_allocation() {
    for name in ["redis", "ledger"] {
        let job = render(&source(&format!("nomad/jobs/{name}.nomad.hcl")));
        let group = &job["TaskGroups"][0];
        let constraint = &group["Constraints"][0];
        assert_eq!(constraint["LTarget"], "${meta.hashicoin_data}", "{name}");
        assert_eq!(constraint["Operand"], "is_set", "{name}");
        let arguments = group["Tasks"][0]["Config"]["args"].to_string();
        assert!(arguments.contains("\"${meta.hashicoin_data}"), "{name}: {arguments}");
        assert!(!arguments.contains("NOMAD_ALLOC_DIR"), "{name}: {arguments}");
    }
}
