//! Metrics: statistics of the process by name, and each VM's ids for them.
//!
//! Defining one name twice gives two ids of one statistic (context.cc, `defineMetric`); an id belongs to the VM that defined it. The kind is in the id's
//! lowest two bits (wasm.h, `kMetricTypeMask`), and what may be done with a metric depends on it.

use std::collections::{BTreeMap, HashMap};

use super::abi::Status;

const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;
const KIND_MASK: u32 = 0b11;
const ID_STEP: u32 = 0b100;

/// The statistics of the process, which all VMs share.
#[derive(Debug, Default)]
pub struct Stats(BTreeMap<(u32, String), u64>);

impl Stats {
    /// A counter's value; 0 if nobody defined it.
    pub fn counter(&self, name: &str) -> u64 {
        self.value(COUNTER, name)
    }

    /// A gauge's value; 0 if nobody defined it.
    pub fn gauge(&self, name: &str) -> u64 {
        self.value(GAUGE, name)
    }

    /// Every counter that is not 0.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let counted = self
            .0
            .iter()
            .filter(|((kind, _), value)| *kind == COUNTER && **value > 0);
        counted.map(|((_, name), value)| (name.clone(), *value)).collect()
    }

    fn value(&self, kind: u32, name: &str) -> u64 {
        self.0.get(&(kind, name.to_owned())).copied().unwrap_or_default()
    }
}

/// The ids that one VM was given.
#[derive(Debug, Default)]
pub struct MetricIds {
    defined: [u32; 3],
    names: HashMap<u32, String>,
}

impl MetricIds {
    /// `proxy_define_metric`.
    pub fn define(&mut self, stats: &mut Stats, kind: u32, name: &str) -> Result<u32, Status> {
        if kind > HISTOGRAM {
            return Err(Status::BAD_ARGUMENT);
        }
        let defined = &mut self.defined[kind as usize];
        *defined += 1;
        let id = *defined * ID_STEP + kind;
        self.names.insert(id, name.to_owned());
        stats.0.entry((kind, name.to_owned())).or_default();
        Ok(id)
    }

    /// `proxy_increment_metric`: a counter takes no offset below 1, a histogram none at all (context.cc, `incrementMetric`).
    pub fn increment(&self, stats: &mut Stats, id: u32, offset: i64) -> Result<(), Status> {
        if id & KIND_MASK >= HISTOGRAM {
            return Err(Status::BAD_ARGUMENT);
        }
        let value = self.find(stats, id)?;
        if id & KIND_MASK == COUNTER && offset < 1 {
            return Err(Status::BAD_ARGUMENT);
        }
        *value = value.wrapping_add_signed(offset);
        Ok(())
    }

    /// `proxy_record_metric`: sets a gauge, but **adds** to a counter (context.cc, `recordMetric`).
    pub fn record(&self, stats: &mut Stats, id: u32, recorded: u64) -> Result<(), Status> {
        let value = self.find(stats, id)?;
        *value = if id & KIND_MASK == COUNTER {
            value.wrapping_add(recorded)
        } else {
            recorded
        };
        Ok(())
    }

    /// `proxy_get_metric`: not for histograms (context.cc, `getMetric`).
    pub fn get(&self, stats: &mut Stats, id: u32) -> Result<u64, Status> {
        if id & KIND_MASK >= HISTOGRAM {
            return Err(Status::BAD_ARGUMENT);
        }
        Ok(*self.find(stats, id)?)
    }

    fn find<'a>(&self, stats: &'a mut Stats, id: u32) -> Result<&'a mut u64, Status> {
        let name = self.names.get(&id).ok_or(Status::NOT_FOUND)?;
        let key = (id & KIND_MASK, name.clone());
        stats.0.get_mut(&key).ok_or(Status::NOT_FOUND)
    }
}
