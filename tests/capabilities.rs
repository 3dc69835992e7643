//! What the module imports and exports, name by name, and what becomes of a vote when the proxy withholds one of the names.
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

/// The host calls: the module imports these and no other, and makes each of them.
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

/// The callbacks: the module exports these and no other.
pub const CALLBACKS: [(&str, Without); 6] = [
    ("proxy_on_configure", Ends(Refused(503), Refused(503))),
    ("proxy_on_context_create", NoStart),
    // The filter never hears that a request is over: memory grows.
    ("proxy_on_delete", WHOLE),
    ("proxy_on_request_body", WHOLE),
    ("proxy_on_request_headers", Opens),
    ("proxy_on_request_trailers", WHOLE),
];

/// The names of [`HOST_CALLS`].
pub fn host_calls() -> impl Iterator<Item = &'static str> {
    HOST_CALLS.into_iter().map(|(name, _)| name)
}

/// Every name, and what a list without it does.
pub fn needed() -> impl Iterator<Item = (&'static str, Without)> {
    HOST_CALLS.into_iter().chain(CALLBACKS)
}

/// The shortest list that the filter works under, less one name.
pub fn list_without(omitted: Option<&str>) -> Vec<&'static str> {
    let names = needed().map(|(name, _)| name);
    names.filter(|name| omitted != Some(*name)).collect()
}

/// What it exports beside [`CALLBACKS`]: its memory, the mark of the ABI, its start, and the allocator for what the proxy hands over. No list is about these.
pub const OTHER_EXPORTS: [&str; 4] = ["_initialize", "malloc", "memory", "proxy_abi_version_0_2_1"];
