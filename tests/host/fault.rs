//! Faults on order: a named host call answers otherwise than the proxy would.

/// What a faulty call does instead.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answers this status and does nothing else; any number, also one that nobody has heard of.
    Status(u32),
    /// Answers OK and hands over these bytes; only for `proxy_get_header_map_pairs` and `proxy_get_buffer_bytes`.
    Bytes(Vec<u8>),
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The host call, such as `proxy_log`.
    pub call: &'static str,
    /// Which call since the fault was ordered, from 1; `None` for each.
    pub nth: Option<u32>,
    /// What happens instead.
    pub effect: Effect,
}

/// The fault in force, and how often its call was made since.
#[derive(Debug, Default)]
pub struct Faults {
    ordered: Option<Fault>,
    seen: u32,
}

impl Faults {
    /// Puts a fault in force, in place of another.
    pub fn order(&mut self, fault: Option<Fault>) {
        *self = Faults {
            ordered: fault,
            seen: 0,
        };
    }

    /// What this call does instead, if anything.
    pub fn strike(&mut self, call: &str) -> Option<Effect> {
        let fault = self.ordered.as_ref().filter(|fault| fault.call == call)?;
        self.seen += 1;
        let hit = fault.nth.is_none_or(|nth| nth == self.seen);
        hit.then(|| fault.effect.clone())
    }
}
