//! The numbers of the proxy-wasm ABI, as cpp-host has them (`include/proxy-wasm/wasm_vm.h`, `proxy_wasm_common.h`).

/// What a host call answers. A number, not an enum: a host may send one that nobody has heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    pub const OK: Status = Status(0);
    pub const NOT_FOUND: Status = Status(1);
    pub const BAD_ARGUMENT: Status = Status(2);
    pub const INVALID_MEMORY_ACCESS: Status = Status(6);
    pub const CAS_MISMATCH: Status = Status(8);
    pub const INTERNAL_FAILURE: Status = Status(10);
}

/// A header map's number, as the module names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MapKind(pub u32);

impl MapKind {
    pub const REQUEST_HEADERS: MapKind = MapKind(0);
    pub const REQUEST_TRAILERS: MapKind = MapKind(1);
    pub const RESPONSE_HEADERS: MapKind = MapKind(2);
    pub const RESPONSE_TRAILERS: MapKind = MapKind(3);
    /// The highest that the ABI has; the ones between belong to calls out.
    pub const MAX: u32 = 7;
}

/// A buffer's number, as the module names it.
pub mod buffer {
    pub const REQUEST_BODY: u32 = 0;
    pub const RESPONSE_BODY: u32 = 1;
    pub const VM_CONFIGURATION: u32 = 6;
    pub const PLUGIN_CONFIGURATION: u32 = 7;
    /// The highest that the ABI has.
    pub const MAX: u32 = 8;
}

/// The way of a stream that `proxy_continue_stream` names.
pub mod stream {
    pub const REQUEST: u64 = 0;
    pub const RESPONSE: u64 = 1;
    /// The highest that the ABI has; the others are for TCP.
    pub const MAX: u64 = 3;
}

/// `info`, the level of a line that nobody must act on.
pub const LOG_INFO: u32 = 2;
