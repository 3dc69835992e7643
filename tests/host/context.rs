//! What the module's host calls see and change of one context: a stream's maps and body, and only in their phase.

use std::collections::{BTreeMap, BTreeSet};

use super::abi::{MapKind, Status};
use super::header_map::HeaderMap;

/// One context of a VM. A root context has no maps.
#[derive(Debug, Default)]
pub struct Context {
    /// Whether this is a stream: a root context cannot answer anybody.
    pub is_stream: bool,
    /// While the access log is written.
    pub in_log_phase: bool,
    /// The body that is at hand, by the number of its buffer.
    pub bodies: BTreeMap<u32, Vec<u8>>,
    maps: BTreeMap<MapKind, HeaderMap>,
    in_phase: BTreeSet<MapKind>,
}

impl Context {
    /// Puts a map in front of the module: its phase begins.
    pub fn show(&mut self, kind: MapKind, map: HeaderMap) {
        self.maps.insert(kind, map);
        self.in_phase.insert(kind);
    }

    /// Takes a map away: its phase is over, and what it had become is what goes on. Envoy does so when a callback answers Continue (context.cc,
    /// `decodeHeaders`: `request_headers_ = nullptr`).
    pub fn hide(&mut self, kind: MapKind) -> HeaderMap {
        self.in_phase.remove(&kind);
        self.maps.get(&kind).cloned().unwrap_or_default()
    }

    /// The map for reading (context.cc, `getConstMap`); outside its phase there is none. The access log sees headers and response trailers, however far
    /// the stream came, but no request trailers.
    pub fn readable(&self, kind: MapKind) -> Option<&HeaderMap> {
        let at_hand = if self.in_log_phase {
            kind != MapKind::REQUEST_TRAILERS
        } else {
            self.in_phase.contains(&kind)
        };
        self.maps.get(&kind).filter(|_| at_hand)
    }

    /// What reading a map that is not there answers (context.cc, `getHeaderMapValue`).
    pub fn absence(&self) -> Status {
        if self.in_log_phase {
            Status::NOT_FOUND
        } else {
            Status::BAD_ARGUMENT
        }
    }

    /// The map for changing (context.cc, `getMap`); outside its phase BadArgument.
    pub fn writable(&mut self, kind: MapKind) -> Result<&mut HeaderMap, Status> {
        let map = self.maps.get_mut(&kind).filter(|_| self.in_phase.contains(&kind));
        map.ok_or(Status::BAD_ARGUMENT)
    }
}
