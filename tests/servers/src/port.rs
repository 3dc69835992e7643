//! Ports for servers that must be told theirs and have to find it free again when they are restarted.

use std::net::{Ipv4Addr, TcpListener};
use std::process;

/// Below the ports that the system hands out by itself (from 32768 on) and those of meshes (from 20000 on).
const FIRST: u16 = 10_000;

/// Ports that go together: one is bound to say that the others are taken, one is the server's, and one is for Vault, which takes the next one as well.
const GROUP: u16 = 3;

/// Groups of ports.
const GROUPS: u16 = 3_000;

/// A port on 127.0.0.1 that no other test takes before this is dropped, nor the one after it.
pub struct Port {
    number: u16,
    _claim: TcpListener,
}

impl Port {
    /// Takes one.
    pub fn claim() -> Port {
        // Tests that start at the same moment begin to look at different places.
        let start = (process::id() * 7 % u32::from(GROUPS)) as u16;
        let mut groups = (0..GROUPS).map(|number| (start + number) % GROUPS);
        let claim = |group| Port::try_claim(FIRST + GROUP * group);
        groups.find_map(claim).expect("free ports")
    }

    fn try_claim(claim: u16) -> Option<Port> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
        let _claim = bind(claim)?;
        // Who was there before may be a stranger.
        bind(claim + 1)?;
        bind(claim + 2)?;
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
