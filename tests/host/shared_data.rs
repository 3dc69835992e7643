//! The key-value store that all VMs of a process share (cpp-host/shared_data.cc).
//!
//! Its compare-and-swap has a hole that is copied here: for a key that does not exist the number is ignored, so two workers can both be the first.

use std::collections::HashMap;

use super::abi::Status;

/// Values with the number that the next compare-and-swap must name.
#[derive(Debug, Default)]
pub struct SharedData {
    values: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedData {
    /// `proxy_get_shared_data`.
    pub fn get(&self, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        self.values.get(key).cloned().ok_or(Status::NOT_FOUND)
    }

    /// `proxy_set_shared_data`; `cas` 0 sets in any case.
    pub fn set(&mut self, key: &[u8], value: &[u8], cas: u32) -> Result<(), Status> {
        if self
            .values
            .get(key)
            .is_some_and(|(_, current)| cas != 0 && cas != *current)
        {
            return Err(Status::CAS_MISMATCH);
        }
        self.last_cas += 1;
        self.values.insert(key.to_vec(), (value.to_vec(), self.last_cas));
        Ok(())
    }
}
