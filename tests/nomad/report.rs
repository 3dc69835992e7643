//! What the keynote tells at its end, to machines and as a page for people: the same, and true.

use serde_json::Value;

use crate::harness::http::{Response, exchange, request};
use crate::mesh::world::Mesh;

/// How often a server may send a browser on.
const REDIRECTS_MAX: usize = 5;

/// Holds the page against what was told, and that against the parts.
pub fn tells(mesh: &Mesh, told: &Value) {
    let page = mesh.report();
    let has = |text: &Value| {
        let text = text.as_str().unwrap();
        assert!(page.contains(text), "no {text:?} in the report: {page}");
    };
    let list = |value: &Value| value.as_array().unwrap().clone();
    assert_eq!(told["ok"], true);
    assert!(page.contains("<svg") && !page.contains("<script"), "{page}");
    for step in list(&told["steps"]) {
        has(&step["name"]);
        list(&step["asserted"]).iter().for_each(has);
    }
    for charity in list(&told["tally"]["charities"]) {
        has(&charity["percent"]);
    }
    has(&told["audit"]["root"]);
    assert_eq!(told["audit"]["clean"], true);
    // What the nine servers and their proxies take together is more than this, on any machine.
    assert!(told["memory_bytes_max"].as_u64().unwrap() > 100 << 20, "{told:#}");
    let addresses = list(&told["addresses"]);
    let names: Vec<_> = addresses.iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Page", "Vault", "Consul", "Nomad", "Prometheus"]);
    for part in addresses {
        has(&part["address"]);
        let address = part["address"].as_str().unwrap();
        let answer = page_at(address);
        let is_page = answer.text().to_lowercase().contains("<!doctype html>");
        assert!(answer.status == 200 && is_page, "{part}: {answer:?}");
    }
}

/// What a browser ends up with that opens an address.
fn page_at(address: &str) -> Response {
    let socket = address.trim_start_matches("http://").parse().unwrap();
    let mut target = "/".to_owned();
    for _ in 0..REDIRECTS_MAX {
        let answer = exchange(socket, &request("GET", &target, &[], ""));
        match answer.header("location") {
            Some(place) if (300..400).contains(&answer.status) => {
                place.trim_start_matches(address).clone_into(&mut target);
            }
            _ => return answer,
        }
    }
    panic!("{address} ends nowhere: {target}");
}
