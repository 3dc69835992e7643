//! The compiled filter in the mock of the proxy.
use crate::host::{Envoy, HeaderMap, Module, Request};
use std::time::Instant;
#[test]
fn smoke() {
    let root = crate::harness::artifacts::source(".");
    let wasm = std::fs::read(root.join("target/wasm32-unknown-unknown/wasm/coin_gate.wasm")).unwrap();
    let t = Instant::now();
    let module = Module::new(&wasm).unwrap();
    println!("module {:?}", t.elapsed());
    let t = Instant::now();
    let mut envoy = Envoy::start(&module, 2, Default::default()).unwrap();
    println!("start {:?}", t.elapsed());
    let keys: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root.join("crates/coin/testdata/keys.json")).unwrap()).unwrap();
    let config = serde_json::json!({"mode":"enforce","campaign":"hashiconf-2020","keys":keys});
    let t = Instant::now();
    println!("{:?}", envoy.configure(config.to_string().as_bytes()));
    println!("configure {:?} {}", t.elapsed(), envoy.workers[0].fuel_used());
    for token in ["good", "stranger", "expired"] {
        let file = std::fs::read_to_string(root.join(format!("crates/coin/testdata/tokens/{token}.txt"))).unwrap();
        let token = file.split_once("\n\n").unwrap().1.trim();
        let request = Request {
            headers: HeaderMap::new([
                (":method", "POST"),
                (":path", "/v1/votes"),
                ("authorization", &format!("Coin {token}")),
            ]),
            body: vec![],
            trailers: None,
        };
        envoy.process.lock().now_unix_ns = 1_767_225_600_000_000_000;
        let worker = &mut envoy.workers[0];
        let t = Instant::now();
        let id = worker.open();
        worker.request_headers(id, request.headers.clone(), true);
        println!("headers {:?} fuel {}", t.elapsed(), worker.fuel_used());
        println!("{:?}", worker.close(id));
    }
    println!(
        "{:?} mem {}",
        envoy
            .process
            .lock()
            .log
            .iter()
            .map(|(l, s)| (*l, String::from_utf8_lossy(s).into_owned()))
            .collect::<Vec<_>>(),
        envoy.workers[0].memory_bytes()
    );
    println!("{:?}", envoy.process.lock().stats.counters());
}
