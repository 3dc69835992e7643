//! The module's side as a host call sees it: its memory, its allocator, and the state of its VM.

use std::collections::{BTreeMap, VecDeque};

use wasmi::{Caller, Extern, Memory, Val};

use super::abi::Status;
use super::context::Context;
use super::header_map::HeaderMap;
use super::metrics::MetricIds;
use super::process::Process;

/// What a VM knows beside the module's own memory.
#[derive(Debug, Default)]
pub struct VmState {
    /// What it shares with the other VMs of the proxy.
    pub process: Process,
    /// The host calls and callbacks that are allowed; all, if the list is empty.
    pub allowed: Vec<&'static str>,
    /// The metrics that it defined.
    pub metric_ids: MetricIds,
    /// Its contexts, by id.
    pub contexts: BTreeMap<u32, Context>,
    /// The context whose callback runs.
    pub current: u32,
    /// The plugin's configuration; only while `proxy_on_configure` runs (cpp-host/context.cc, `temp_plugin_`).
    pub plugin_configuration: Option<Vec<u8>>,
    /// While the module starts or allocates it may log and no more (cpp-host/wasm.cc, `setRestrictedCallback`).
    pub restricted: bool,
    /// A local reply was asked for in this callback, so its answer does not count (cpp-host/exports.cc, `stopNextIteration`).
    pub stop_iteration: bool,
    /// What happens once this callback has returned (cpp-host/context.cc, `DeferAfterCallActions`).
    pub deferred: VecDeque<Deferred>,
    /// The module's allocator trapped under a host call.
    pub allocator_trap: Option<String>,
}

/// What a host call put off until the callback is over, and for which context.
#[derive(Debug)]
pub enum Deferred {
    /// Answer the client.
    Reply(u32, LocalReply),
    /// Go on with a paused request.
    ContinueRequest(u32),
}

/// An answer that the plugin gives in the service's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// The HTTP status, as the module gave it.
    pub status: u32,
    /// Header lines beside the status.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The gRPC status for gRPC requests, if it is a known one.
    pub grpc_status: Option<u32>,
    /// For the access log.
    pub details: String,
}

impl VmState {
    /// The context whose callback runs.
    pub fn context(&mut self) -> &mut Context {
        self.contexts.entry(self.current).or_default()
    }

    /// Whether a host call or a callback is allowed.
    pub fn is_allowed(&self, name: &str) -> bool {
        self.allowed.is_empty() || self.allowed.contains(&name)
    }
}

/// A host call's view.
pub struct Guest<'a>(pub Caller<'a, VmState>);

impl Guest<'_> {
    /// The VM's state.
    pub fn state(&mut self) -> &mut VmState {
        self.0.data_mut()
    }

    /// Reads the module's memory.
    pub fn read(&self, pointer: u64, size: u64) -> Result<Vec<u8>, Status> {
        let data = self.memory()?.data(&self.0);
        let range = range(pointer, size)?;
        data.get(range).map(<[u8]>::to_vec).ok_or(Status::INVALID_MEMORY_ACCESS)
    }

    /// Writes the module's memory.
    pub fn write(&mut self, pointer: u64, bytes: &[u8]) -> Result<(), Status> {
        let range = range(pointer, bytes.len() as u64)?;
        let target = self.memory()?.data_mut(&mut self.0).get_mut(range);
        target.ok_or(Status::INVALID_MEMORY_ACCESS)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Hands bytes over: has the module allocate, copies, and writes pointer and size where they are asked for. No bytes are a null pointer
    /// (cpp-host/wasm.h, `copyToPointerSize`).
    pub fn hand_over(&mut self, bytes: &[u8], return_data: u64, return_size: u64) -> Result<(), Status> {
        let size = u32::try_from(bytes.len()).map_err(|_| Status::INVALID_MEMORY_ACCESS)?;
        let pointer = if size == 0 { 0 } else { self.allocate(size)? };
        self.write(u64::from(pointer), bytes)?;
        self.write(return_data, &pointer.to_le_bytes())?;
        self.write(return_size, &size.to_le_bytes())
    }

    /// Calls the module's allocator: `malloc`, else `proxy_on_memory_allocate` (cpp-host/wasm.cc, `getFunctions`).
    fn allocate(&mut self, size: u32) -> Result<u32, Status> {
        let allocator = ["malloc", "proxy_on_memory_allocate"]
            .into_iter()
            .find_map(|name| self.0.get_export(name)?.into_func());
        let allocator = allocator.ok_or(Status::INVALID_MEMORY_ACCESS)?;
        let mut pointer = [Val::I32(0)];
        self.state().restricted = true;
        let called = allocator.call(&mut self.0, &[Val::I32(size.cast_signed())], &mut pointer);
        self.state().restricted = false;
        if let Err(trap) = called {
            self.state().allocator_trap = Some(trap.to_string());
        }
        match pointer {
            [Val::I32(0)] => Err(Status::INVALID_MEMORY_ACCESS),
            [Val::I32(pointer)] => Ok(pointer.cast_unsigned()),
            _ => Err(Status::INVALID_MEMORY_ACCESS),
        }
    }

    fn memory(&self) -> Result<Memory, Status> {
        self.0
            .get_export("memory")
            .and_then(Extern::into_memory)
            .ok_or(Status::INVALID_MEMORY_ACCESS)
    }
}

fn range(pointer: u64, size: u64) -> Result<std::ops::Range<usize>, Status> {
    let start = usize::try_from(pointer).map_err(|_| Status::INVALID_MEMORY_ACCESS)?;
    let size = usize::try_from(size).map_err(|_| Status::INVALID_MEMORY_ACCESS)?;
    Ok(start..start + size)
}
