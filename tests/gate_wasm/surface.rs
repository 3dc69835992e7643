//! What the module asks of the proxy and shows to it, name by name. A new import or export is a decision, not an accident.

use std::collections::BTreeSet;

use super::{envoy_in, free, module, vote, vote_without_coin};
use crate::capabilities::{EXPORTS, IMPORTS, host_calls};

#[test]
fn the_module_imports_exactly_this() {
    let imports: BTreeSet<String> = module().imports().into_iter().collect();
    assert_eq!(imports, IMPORTS.iter().map(|name| format!("env.{name}")).collect());
}

#[test]
fn the_module_exports_exactly_this() {
    let exports: BTreeSet<String> = module().exports().into_iter().collect();
    assert_eq!(exports, EXPORTS.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn of_what_it_imports_it_calls_exactly_this() {
    let mut called = BTreeSet::new();
    for mode in ["off", "shadow", "enforce"] {
        let mut envoy = envoy_in(mode);
        for mut request in [free(), vote("good"), vote("stranger"), vote_without_coin()] {
            request.headers.add(b"x-coin-role", b"admin");
            request.body.push(b"{}".to_vec());
            envoy.workers[0].exchange(&request);
        }
        assert!(envoy.configure(b"{}").is_err());
        called.extend(envoy.process.lock().calls.keys().copied());
    }
    assert_eq!(called, host_calls().collect());
}
