//! The host calls that the gate makes (proxy-wasm ABI 0.2.1), and nothing else: the module imports exactly these.
//!
//! Every status is a number, also one that nobody has heard of, and every failure a value; the caller decides, and on a gated path it decides against the request.
//!
//! Numbers are from the specification, `abi-versions/v0.2.1/README.md` in proxy-wasm/spec.

#![allow(
    unsafe_code,
    reason = "the ABI is made of raw pointers; every use of one is in this file"
)]

use std::ptr::null_mut;

/// A status other than OK, as the host gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError(u32);

/// The id that the host gave a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricId(u32);

/// What a metric is.
#[derive(Clone, Copy)]
pub enum MetricKind {
    /// Only grows.
    Counter = 0,
    /// Is set.
    Gauge = 1,
}

/// How much a line in the proxy's log matters.
#[derive(Clone, Copy)]
pub enum Level {
    /// Nobody must act on it.
    Info = 2,
    /// Something is missing that the gate can do without.
    Warn = 3,
    /// Somebody must act on it.
    Error = 4,
}

const MAP_REQUEST_HEADERS: u32 = 0;
const BUFFER_PLUGIN_CONFIGURATION: u32 = 7;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, message_size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(return_time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        size_max: usize,
        return_data: *mut *mut u8,
        return_size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(kind: u32, return_data: *mut *mut u8, return_size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        kind: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(kind: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, return_id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

/// Writes a line to the proxy's log. A log that fails has nowhere to say so.
pub fn log(level: Level, message: &str) {
    // SAFETY: pointer and size are those of a live `str`, which the host only reads during the call.
    unsafe { proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// Nanoseconds since the Unix epoch.
///
/// # Errors
///
/// The host's status.
pub fn now_unix_ns() -> Result<u64, HostError> {
    let mut time = 0;
    // SAFETY: the host writes one u64 to a live local.
    check(unsafe { proxy_get_current_time_nanoseconds(&raw mut time) })?;
    Ok(time)
}

/// The plugin's configuration; only inside `on_configure`. Empty if there is none.
///
/// # Errors
///
/// The host's status.
pub fn plugin_configuration() -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes a pointer and a size to live locals.
    check(unsafe { proxy_get_buffer_bytes(BUFFER_PLUGIN_CONFIGURATION, 0, usize::MAX, &raw mut data, &raw mut size) })?;
    Ok(take(data, size))
}

/// The request's headers, serialised as [`crate::header_map`] reads them; only inside `on_http_request_headers`.
///
/// # Errors
///
/// The host's status.
pub fn request_headers() -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes a pointer and a size to live locals.
    check(unsafe { proxy_get_header_map_pairs(MAP_REQUEST_HEADERS, &raw mut data, &raw mut size) })?;
    Ok(take(data, size))
}

/// Sets a request header, in place of all of its name.
///
/// # Errors
///
/// The host's status.
pub fn set_request_header(name: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: both pointers and sizes are those of live `str`s, which the host only reads during the call.
    check(unsafe {
        proxy_replace_header_map_value(
            MAP_REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes every request header of a name.
///
/// # Errors
///
/// The host's status.
pub fn remove_request_header(name: &[u8]) -> Result<(), HostError> {
    // SAFETY: pointer and size are those of a live slice, which the host only reads during the call.
    check(unsafe { proxy_remove_header_map_value(MAP_REQUEST_HEADERS, name.as_ptr(), name.len()) })
}

/// Answers the request in the service's place. `headers` is serialised as [`crate::header_map::encode`] does; `details` goes to access logs.
///
/// # Errors
///
/// The host's status.
pub fn send_local_response(
    status: u16,
    details: &str,
    headers: &[u8],
    body: &str,
    grpc_status: i32,
) -> Result<(), HostError> {
    // SAFETY: all pointers and sizes are those of live values, which the host only reads during the call.
    check(unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    })
}

/// Defines a metric, or finds the one that has the name already.
///
/// # Errors
///
/// The host's status.
pub fn define_metric(kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
    let mut id = 0;
    // SAFETY: the name is a live `str` that the host only reads; it writes one u32 to a live local.
    check(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(MetricId(id))
}

/// Adds one to a counter.
///
/// # Errors
///
/// The host's status.
pub fn increment(id: MetricId) -> Result<(), HostError> {
    // SAFETY: two integers.
    check(unsafe { proxy_increment_metric(id.0, 1) })
}

/// Sets a gauge.
///
/// # Errors
///
/// The host's status.
pub fn record(id: MetricId, value: u64) -> Result<(), HostError> {
    // SAFETY: two integers.
    check(unsafe { proxy_record_metric(id.0, value) })
}

fn check(status: u32) -> Result<(), HostError> {
    if status == 0 { Ok(()) } else { Err(HostError(status)) }
}

/// Takes over memory that the host had this module allocate.
fn take(data: *mut u8, size: usize) -> Vec<u8> {
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: the host got the pointer from the `malloc` that the module exports, which makes a boxed slice of exactly `size` bytes, and gives the memory up
    // by returning it.
    unsafe { Vec::from_raw_parts(data, size, size) }
}
