//! One VM: an instance of the module, metered, and lost for good at its first trap.

use wasmi::{Config, Engine, ExternType, Instance, Store, Val};

use super::calls;
use super::guest::VmState;
use super::process::Process;

/// Instructions, roughly, that one callback may take before it counts as hanging. A signature is checked in a tenth of this.
pub const FUEL_PER_CALLBACK: u64 = 200_000_000;

const ABI_MARK: &str = "proxy_abi_version_0_2_1";

/// A module, compiled once and run in many VMs.
#[derive(Clone)]
pub struct Module(wasmi::Module);

impl Module {
    /// Compiles a module, from its bytes or from text.
    pub fn new(wasm: &[u8]) -> Result<Module, String> {
        let mut config = Config::default();
        config.consume_fuel(true);
        wasmi::Module::new(&Engine::new(&config), wasm)
            .map(Module)
            .map_err(|error| error.to_string())
    }

    /// What it imports, as `module.name`.
    pub fn imports(&self) -> Vec<String> {
        self.0
            .imports()
            .map(|import| format!("{}.{}", import.module(), import.name()))
            .collect()
    }

    /// The functions and memories that it exports.
    pub fn exports(&self) -> Vec<String> {
        let kept = self
            .0
            .exports()
            .filter(|export| matches!(export.ty(), ExternType::Func(_) | ExternType::Memory(_)));
        kept.map(|export| export.name().to_owned()).collect()
    }
}

/// An instance of a module.
pub struct Vm {
    store: Store<VmState>,
    instance: Instance,
    failure: Option<String>,
    fuel_used: u64,
}

/// How a call of an export ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// The module does not have it.
    Missing,
    /// With this result; 0 if it has none.
    Returned(u32),
    /// In a trap, or not at all because of an earlier one.
    Failed,
}

impl Vm {
    /// Links, instantiates and starts a module, under a list of allowed capabilities; an empty one restricts nothing.
    ///
    /// # Errors
    ///
    /// An import that the host does not have, no ABI mark, no allocator, or a trap while starting; in words.
    pub fn start(module: &Module, process: Process, allowed: &[&'static str]) -> Result<Vm, String> {
        for import in module.imports() {
            let known = import
                .strip_prefix("env.")
                .is_some_and(|name| calls::names().any(|call| call == name));
            if !known {
                let allowed: Vec<_> = calls::names().collect();
                return Err(format!(
                    "{import}: no such import; the host has, in env: {}",
                    allowed.join(", ")
                ));
            }
        }
        let exports = module.exports();
        if !exports.iter().any(|name| name == ABI_MARK) {
            return Err(format!(
                "Missing or unknown Proxy-Wasm ABI version: there is no export {ABI_MARK}"
            ));
        }
        if !exports
            .iter()
            .any(|name| name == "malloc" || name == "proxy_on_memory_allocate")
        {
            return Err("Wasm module is missing malloc function.".to_owned());
        }
        let engine = module.0.engine();
        let mut store = Store::new(
            engine,
            VmState {
                process,
                allowed: allowed.to_vec(),
                ..VmState::default()
            },
        );
        store.set_fuel(FUEL_PER_CALLBACK).map_err(|error| error.to_string())?;
        let instance = calls::linker(engine)
            .instantiate_and_start(&mut store, &module.0)
            .map_err(|error| error.to_string())?;
        let mut vm = Vm {
            store,
            instance,
            failure: None,
            fuel_used: 0,
        };
        // A reactor has _initialize, a command _start (cpp-host/wasm.cc, `startVm`).
        vm.state().restricted = true;
        if vm.run("_initialize", &[]) == Called::Missing {
            vm.run("_start", &[]);
        }
        vm.state().restricted = false;
        match vm.failure {
            Some(failure) => Err(failure),
            None => Ok(vm),
        }
    }

    /// Calls a callback in a context. One that is not allowed is as if the module did not export it (cpp-host/wasm.cc, `getFunctions`).
    pub fn call(&mut self, export: &'static str, context: u32, arguments: &[u32]) -> Called {
        if !self.state().is_allowed(export) {
            return Called::Missing;
        }
        self.state().current = context;
        let arguments: Vec<u32> = [context].into_iter().chain(arguments.iter().copied()).collect();
        self.run(export, &arguments)
    }

    fn run(&mut self, export: &'static str, arguments: &[u32]) -> Called {
        if self.failure.is_some() {
            return Called::Failed;
        }
        let Some(function) = self.instance.get_func(&self.store, export) else {
            return Called::Missing;
        };
        let arguments: Vec<Val> = arguments
            .iter()
            .map(|argument| Val::I32(argument.cast_signed()))
            .collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        self.store.set_fuel(FUEL_PER_CALLBACK).expect("the engine meters");
        let called = function.call(&mut self.store, &arguments, &mut results);
        self.fuel_used += FUEL_PER_CALLBACK - self.store.get_fuel().expect("the engine meters");
        self.failure = match (called, self.state().allocator_trap.take()) {
            (Err(trap), _) => Some(format!("{export}: {trap}")),
            (Ok(()), Some(trap)) => Some(format!("{export}: the allocator: {trap}")),
            (Ok(()), None) => None,
        };
        if self.failure.is_some() {
            return Called::Failed;
        }
        match results.first() {
            Some(Val::I32(result)) => Called::Returned(result.cast_unsigned()),
            _ => Called::Returned(0),
        }
    }

    /// Why the VM is lost, if it is.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// What all calls so far cost, in units of fuel: about one per instruction.
    pub fn fuel_used(&self) -> u64 {
        self.fuel_used
    }

    /// The size of the module's memory.
    pub fn memory_bytes(&self) -> usize {
        let memory = self.instance.get_memory(&self.store, "memory");
        memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// What the VM knows beside the module's memory.
    pub fn state(&mut self) -> &mut VmState {
        self.store.data_mut()
    }
}
