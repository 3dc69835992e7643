//! What the module asks of the proxy and shows to it, name by name. A new import or export is a decision, not an accident.

use std::collections::BTreeSet;

use super::{envoy_in, free, module, vote, vote_without_coin};
use crate::capabilities::{CALLBACKS, OTHER_EXPORTS, host_calls};

#[test]
fn the_module_imports_exactly_the_host_calls() {
    let imports: BTreeSet<String> = module().imports().into_iter().collect();
    assert_eq!(imports, host_calls().map(|name| format!("env.{name}")).collect());
}

#[test]
fn the_module_exports_exactly_the_callbacks_and_what_the_proxy_needs_to_start_it() {
    let exports: BTreeSet<String> = module().exports().into_iter().collect();
    let callbacks = CALLBACKS.into_iter().map(|(name, _)| name);
    assert_eq!(exports, callbacks.chain(OTHER_EXPORTS).map(str::to_owned).collect());
}

#[test]
fn it_makes_every_host_call_that_it_imports() {
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
