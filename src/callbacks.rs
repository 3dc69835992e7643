//! The functions that the proxy calls (proxy-wasm ABI 0.2.1), and nothing else: they find the plugin and hand it what it needs.
//!
//! The module exports exactly these. What is not here, the proxy passes over, so a request costs no call that decides nothing: no log, no end, no response.
//!
//! None of them panics. A context that nobody created is one without a configuration, and its requests are refused; a call in the midst of another, which no proxy
//! makes, is answered as by a gate that cannot do its work.

#![allow(
    unsafe_code,
    reason = "an exported name is one for the whole module; every one of them is in this file"
)]

use std::cell::RefCell;
use std::panic;
use std::ptr::null_mut;

use crate::host::{self, Level};
use crate::plugin::{Action, Plugin};

thread_local! {
    static PLUGIN: RefCell<Plugin> = RefCell::default();
}

/// Does something with the plugin; `closed` if it is at work already.
fn with_plugin<T>(closed: T, work: impl FnOnce(&mut Plugin) -> T) -> T {
    PLUGIN.with(|plugin| match plugin.try_borrow_mut() {
        Ok(mut plugin) => work(&mut plugin),
        Err(_) => closed,
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// The module starts.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // Nothing here panics. Should something all the same, the proxy's log says where before the VM is gone.
    panic::set_hook(Box::new(|info| {
        host::log(Level::Error, &format!("coin-gate trapped: {info}"))
    }));
}

/// Memory for what the proxy hands over: a boxed slice, which [`host`] takes over. Null if there is none.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    let mut bytes: Vec<u8> = Vec::new();
    if bytes.try_reserve_exact(size).is_err() {
        return null_mut();
    }
    bytes.resize(size, 0);
    Box::into_raw(bytes.into_boxed_slice()).cast()
}

/// A context begins: a request's, or without a root the plugin's own.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    with_plugin((), |plugin| plugin.create(context, root));
}

/// A configuration arrives.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, _size: u32) -> u32 {
    with_plugin(false, |plugin| plugin.configure(root)).into()
}

/// A request's headers are there.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(request: u32, _count: u32, _end_of_stream: u32) -> u32 {
    with_plugin(Action::Pause, |plugin| plugin.request(request).on_headers()) as u32
}

/// A piece of a request's body is there.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(request: u32, _size: u32, _end_of_stream: u32) -> u32 {
    with_plugin(Action::Pause, |plugin| plugin.request(request).hold_unless_passed()) as u32
}

/// A request's trailers are there.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(request: u32, _count: u32) -> u32 {
    with_plugin(Action::Pause, |plugin| plugin.request(request).hold_unless_passed()) as u32
}

/// A context is over.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    with_plugin((), |plugin| plugin.delete(context));
}
