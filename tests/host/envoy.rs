//! The proxy as a process: several workers, and what happens when a configuration arrives (cpp-host/wasm.cc, `createWasm`, `canary`,
//! `getOrCreateThreadLocalPlugin`).

use std::collections::HashMap;

use super::process::Process;
use super::vm::Module;
use super::worker::{Options, Worker};

/// A proxy with one plugin.
pub struct Envoy {
    /// What its VMs share.
    pub process: Process,
    /// Its workers.
    pub workers: Vec<Worker>,
    module: Module,
    options: Options,
    in_force: Option<Vec<u8>>,
    tried: HashMap<Vec<u8>, bool>,
}

/// The proxy did not take a configuration; whatever was in force still is.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigurationRefused;

impl Envoy {
    /// Starts a proxy whose workers have the module, but no plugin yet.
    ///
    /// # Errors
    ///
    /// What [`super::vm::Vm::start`] says.
    pub fn start(module: &Module, workers: usize, options: Options) -> Result<Envoy, String> {
        let process = Process::default();
        let start = |_| Worker::start(module, process.clone(), options.clone());
        let workers = (0..workers).map(start).collect::<Result<_, _>>()?;
        let module = module.clone();
        Ok(Envoy {
            process,
            workers,
            module,
            options,
            in_force: None,
            tried: HashMap::new(),
        })
    }

    /// A configuration arrives. It is tried in a VM made for the purpose, once, and its verdict kept; then each worker gets it. The one in force arriving
    /// again is no news and reaches no VM at all.
    ///
    /// # Errors
    ///
    /// If the plugin did not take it.
    pub fn configure(&mut self, configuration: &[u8]) -> Result<(), ConfigurationRefused> {
        if self.in_force.as_deref() == Some(configuration) {
            return Ok(());
        }
        let good = match self.tried.get(configuration) {
            Some(good) => *good,
            None => self.try_out(configuration),
        };
        self.tried.insert(configuration.to_vec(), good);
        if !good {
            return Err(ConfigurationRefused);
        }
        for worker in &mut self.workers {
            if worker.failure().is_some() {
                // A new configuration is the only thing that brings a lost VM back.
                *worker =
                    Worker::start(&self.module, self.process.clone(), self.options.clone()).expect("it started before");
            }
            worker.load(configuration);
        }
        self.in_force = Some(configuration.to_vec());
        Ok(())
    }

    fn try_out(&self, configuration: &[u8]) -> bool {
        let canary = Worker::start(&self.module, self.process.clone(), self.options.clone());
        canary.is_ok_and(|mut canary| canary.load(configuration))
    }
}
