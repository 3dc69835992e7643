//! What the module asks of the proxy and shows to it, name by name. A new import or export is a decision, not an accident.

use std::collections::BTreeSet;

use super::faults::CALLS;
use super::{envoy_in, free, module, vote, vote_without_coin};

/// What the SDK's traits keep alive. The filter calls ten of them ([`CALLS`]).
const IMPORTS: [&str; 35] = [
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_header_map_pairs",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

/// Functions and memory; `malloc` is the allocator for what the proxy hands over.
const EXPORTS: [&str; 29] = [
    "_initialize",
    "malloc",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_done",
    "proxy_on_downstream_connection_close",
    "proxy_on_downstream_data",
    "proxy_on_foreign_function",
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_receive_initial_metadata",
    "proxy_on_grpc_receive_trailing_metadata",
    "proxy_on_http_call_response",
    "proxy_on_log",
    "proxy_on_new_connection",
    "proxy_on_queue_ready",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_body",
    "proxy_on_response_headers",
    "proxy_on_response_trailers",
    "proxy_on_tick",
    "proxy_on_upstream_connection_close",
    "proxy_on_upstream_data",
    "proxy_on_vm_start",
];

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
    assert_eq!(called, CALLS.into_iter().collect());
}
