//! Ports for servers that must be told theirs and have to find it free again when they are restarted.

use std::net::{Ipv4Addr, TcpListener};
use std::process;

/// Below the ports that the system hands out by itself (from 32768 on) and those of meshes (from 20000 on).
const FIRST: u16 = 10_000;

/// Pairs of ports.
const PAIRS: u16 = 5_000;

/// A port on 127.0.0.1 that no other test takes before this is dropped.
pub struct Port {
    number: u16,
    /// The port below is bound for as long, and says that this one is taken.
    _claim: TcpListener,
}

impl Port {
    /// Takes one.
    pub fn claim() -> Port {
        // Tests that start at the same moment begin to look at different places.
        let start = (process::id() * 7 % u32::from(PAIRS)) as u16;
        let pairs = (0..PAIRS).map(|number| (start + number) % PAIRS);
        let claim = |pair| Port::try_claim(FIRST + 2 * pair);
        pairs.into_iter().find_map(claim).expect("a pair of free ports")
    }

    fn try_claim(claim: u16) -> Option<Port> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
        let _claim = bind(claim)?;
        // Who was there before may be a stranger.
        bind(claim + 1)?;
        Some(Port {
            number: claim + 1,
            _claim,
        })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[test]
fn a_port_is_somebody_s_until_it_is_dropped() {
    let one = Port::claim();
    assert_ne!(Port::claim().number(), one.number());
    assert!(Port::try_claim(one.number() - 1).is_none());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, one.number())).unwrap();
    let number = one.number();
    drop(one);
    assert!(Port::try_claim(number - 1).is_none(), "somebody listens there");
    drop(listener);
}
