//! What the module asks of the proxy and shows to it, name by name, and what becomes of a vote when the proxy withholds one of the names that it needs.
//!
//! Envoy withholds what a list of allowed capabilities (`capability_restriction_config`) does not name: a host call answers with a failure, a callback is passed
//! over. `gate_wasm` holds the compiled module to these lists in the mock of the proxy, and `edge` does in Envoy.

/// What a list does that lacks one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// The plugin does not start, and so Envoy does not.
    NoStart,
    /// A vote without a coin ends so, one with a good coin so.
    Ends(End, End),
    /// A vote without a coin and without a body passes. No other name may do this.
    Opens,
}

/// How a vote ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is with the service.
    Passes,
    /// It was answered with this status in the service's place.
    Refused(u16),
    /// It is neither with the service nor answered, until the proxy's own timeout ends it.
    Held,
}

use End::{Held, Passes, Refused};
use Without::{Ends, NoStart, Opens};

/// How votes end when nothing is withheld.
pub const WHOLE: Without = Ends(Refused(401), Passes);

/// The host calls that the filter makes.
pub const HOST_CALLS: [(&str, Without); 10] = [
    ("proxy_define_metric", WHOLE),
    ("proxy_get_buffer_bytes", NoStart),
    ("proxy_get_current_time_nanoseconds", Ends(Refused(401), Refused(503))),
    ("proxy_get_header_map_pairs", Ends(Refused(503), Refused(503))),
    ("proxy_increment_metric", WHOLE),
    ("proxy_log", WHOLE),
    ("proxy_record_metric", WHOLE),
    // Needed where there is something to strip, which is not in every vote.
    ("proxy_remove_header_map_value", WHOLE),
    ("proxy_replace_header_map_value", Ends(Refused(401), Refused(503))),
    ("proxy_send_local_response", Ends(Held, Passes)),
];

/// The callbacks that the filter needs.
pub const CALLBACKS: [(&str, Without); 8] = [
    ("proxy_on_configure", Ends(Refused(503), Refused(503))),
    ("proxy_on_context_create", NoStart),
    // The SDK never hears that a request is over: memory grows.
    ("proxy_on_delete", WHOLE),
    ("proxy_on_done", WHOLE),
    ("proxy_on_request_body", WHOLE),
    ("proxy_on_request_headers", Opens),
    ("proxy_on_request_trailers", WHOLE),
    ("proxy_on_vm_start", WHOLE),
];

/// The names of [`HOST_CALLS`].
pub fn host_calls() -> impl Iterator<Item = &'static str> {
    HOST_CALLS.into_iter().map(|(name, _)| name)
}

/// Every name that the filter needs, and what a list without it does.
pub fn needed() -> impl Iterator<Item = (&'static str, Without)> {
    HOST_CALLS.into_iter().chain(CALLBACKS)
}

/// The shortest list that the filter works under, less one name.
pub fn list_without(omitted: Option<&str>) -> Vec<&'static str> {
    let names = needed().map(|(name, _)| name);
    names.filter(|name| omitted != Some(*name)).collect()
}

/// What the SDK's traits keep alive. The filter calls those of [`HOST_CALLS`] alone.
pub const IMPORTS: [&str; 35] = [
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
pub const EXPORTS: [&str; 29] = [
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
