//! One worker thread of the proxy: a VM of its own, the plugin's root contexts in it, and the requests that it serves.

use std::collections::BTreeMap;

use super::guest::VmState;
use super::process::Process;
use super::stream::Stream;
use super::vm::{Called, Module, Vm};

/// What the proxy was told about the plugin beside its configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lets requests pass a lost VM. This is what Consul makes of a missing `Required` (envoyproxy/envoy, `wasm.proto`, `fail_open`).
    pub fail_open: bool,
    /// The host calls and callbacks that the list of allowed capabilities names. An empty list restricts nothing (cpp-host/wasm.h, `capabilityAllowed`).
    pub allowed: Vec<&'static str>,
}

/// A worker.
pub struct Worker {
    pub(super) vm: Vm,
    pub(super) options: Options,
    pub(super) streams: BTreeMap<u32, Stream>,
    in_force: Option<u32>,
    retired: Vec<u32>,
    last_context: u32,
}

impl Worker {
    /// Starts a VM without a plugin in it.
    ///
    /// # Errors
    ///
    /// What [`Vm::start`] says.
    pub fn start(module: &Module, process: Process, options: Options) -> Result<Worker, String> {
        let vm = Vm::start(module, process, &options.allowed)?;
        Ok(Worker {
            vm,
            options,
            streams: BTreeMap::new(),
            in_force: None,
            retired: Vec::new(),
            last_context: 0,
        })
    }

    /// Makes a root context and puts it in force, as yet without a configuration. Requests that began under another one keep it; once the last of them is
    /// over, that one is done away with.
    ///
    /// # Errors
    ///
    /// If the module refuses to start.
    pub fn create_root(&mut self) -> Result<u32, String> {
        let root = self.next_context();
        self.vm.call("proxy_on_context_create", root, &[0]);
        if self.vm.call("proxy_on_vm_start", root, &[0]) == Called::Returned(0) {
            return Err("proxy_on_vm_start answered false".to_owned());
        }
        self.retired.extend(self.in_force.replace(root));
        self.delete_unused_roots();
        Ok(root)
    }

    /// Hands the plugin a configuration; whether it took it. The configuration is at hand only during this call.
    pub fn configure(&mut self, root: u32, configuration: &[u8]) -> bool {
        let size = u32::try_from(configuration.len()).expect("a configuration of less than 4 GiB");
        self.state().plugin_configuration = Some(configuration.to_vec());
        let called = self.vm.call("proxy_on_configure", root, &[size]);
        self.state().plugin_configuration = None;
        match called {
            Called::Missing => true,
            Called::Returned(answer) => answer != 0,
            Called::Failed => false,
        }
    }

    /// Puts the plugin in force with a configuration, in a root context of its own. If it does not take it the worker is left without a plugin, and its
    /// requests fail as with a lost VM.
    pub fn load(&mut self, configuration: &[u8]) -> bool {
        let loaded = self.create_root().is_ok_and(|root| self.configure(root, configuration));
        if !loaded {
            self.retired.extend(self.in_force.take());
        }
        loaded
    }

    /// The root context that new requests get.
    pub fn root_in_force(&self) -> Option<u32> {
        self.in_force
    }

    pub(super) fn next_context(&mut self) -> u32 {
        self.last_context += 1;
        self.last_context
    }

    /// Ends the root contexts that are out of force and that no request holds (cpp-host/wasm.cc, `startShutdown`).
    pub(super) fn delete_unused_roots(&mut self) {
        let held: Vec<u32> = self.streams.values().map(|stream| stream.root).collect();
        let (kept, unused) = self.retired.iter().partition(|root| held.contains(root));
        self.retired = kept;
        for root in unused {
            if self.vm.call("proxy_on_done", root, &[]) != Called::Returned(0) {
                self.vm.call("proxy_on_delete", root, &[]);
            }
        }
    }

    /// Asks the module for memory.
    pub fn allocate(&mut self, size: u32) -> Called {
        self.vm.call("malloc", size, &[])
    }

    /// Why the VM is lost, if it is.
    pub fn failure(&self) -> Option<&str> {
        self.vm.failure()
    }

    /// What all callbacks so far cost, in units of fuel.
    pub fn fuel_used(&self) -> u64 {
        self.vm.fuel_used()
    }

    /// The size of the module's memory.
    pub fn memory_bytes(&self) -> usize {
        self.vm.memory_bytes()
    }

    /// What the VM knows beside the module's memory.
    pub fn state(&mut self) -> &mut VmState {
        self.vm.state()
    }
}
