//! Ports for one mesh: a block that no other mesh on this machine has.
//!
//! Consul hands ports out to every proxy before anybody listens there, so "a free one" of the system will not do.

use std::net::{Ipv4Addr, TcpListener};
use std::process;

use service::Failure;

/// Below the ports that the system gives to whoever asks for a free one (from 32768 on), so that nobody gets one of these by accident.
const FIRST: u16 = 20_000;

/// Ports in a block.
const BLOCK: u16 = 70;

/// Blocks on a machine.
const BLOCKS: u16 = 180;

/// What a port of the block is for. The first one is bound for as long as the mesh runs, and says that the block is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    ConsulHttp = 1,
    ConsulGrpc,
    ConsulServer,
    ConsulSerf,
    PciHttp,
    PciGrpc,
    PciSerf,
    Vault,
    VaultCluster,
    Redis,
    Postgres,
    Api,
    Ledger,
    Front,
    ApiSidecar,
    RedisSidecar,
    LedgerSidecar,
    MintSidecar,
    PciGateway,
    ApiToRedis,
    LedgerToRedis,
    LedgerToPostgres,
    MintToRedis,
    GatewayAdmin,
    ApiAdmin,
    RedisAdmin,
    LedgerAdmin,
    MintAdmin,
    PciGatewayAdmin,
    NomadHttp,
    NomadRpc,
    NomadSerf,
    Prometheus,
    GatewayMetrics,
    ApiMetrics,
    RedisMetrics,
    LedgerMetrics,
    MintMetrics,
    PciGatewayMetrics,
}

impl Port {
    /// The last one of those above.
    const LAST: Port = Port::PciGatewayMetrics;
}

/// A block of ports. It is free for others when this is dropped.
pub struct Ports {
    block: u16,
    _claim: TcpListener,
}

impl Ports {
    /// Takes a block.
    ///
    /// # Errors
    ///
    /// When every block is taken, or has a port that something else listens on.
    pub fn claim() -> Result<Ports, Failure> {
        // Meshes that start at the same moment begin to look at different places.
        let start = process::id();
        let blocks = (0..BLOCKS).map(|number| (start.wrapping_add(u32::from(number)) % u32::from(BLOCKS)) as u16);
        blocks.into_iter().find_map(Ports::try_claim).ok_or_else(|| {
            Failure::CouldNot(format!(
                "no {BLOCK} free ports in a row from {FIRST} on: stop another mesh"
            ))
        })
    }

    fn try_claim(block: u16) -> Option<Ports> {
        let first = FIRST + block * BLOCK;
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
        let claim = bind(first)?;
        for port in first + 1..first + BLOCK {
            bind(port)?;
        }
        Some(Ports { block, _claim: claim })
    }

    /// The block's number; no two meshes that run have the same one.
    pub fn block(&self) -> u8 {
        // There are fewer than 256.
        self.block as u8
    }

    /// The ports of the block that nothing of ours is on, for whoever adds a service.
    pub fn spare(&self) -> Vec<u16> {
        let first = FIRST + self.block * BLOCK;
        (first + Port::LAST as u16 + 1..first + BLOCK).collect()
    }

    /// Whether a port is one of the block.
    #[cfg(test)]
    pub fn has(&self, port: u16) -> bool {
        (FIRST + self.block * BLOCK..FIRST + (self.block + 1) * BLOCK).contains(&port)
    }

    /// A port.
    pub fn get(&self, port: Port) -> u16 {
        FIRST + self.block * BLOCK + port as u16
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, BLOCKS, FIRST, Port, Ports};

    #[test]
    fn two_meshes_share_no_port() {
        let (one, other) = (Ports::claim().unwrap(), Ports::claim().unwrap());
        assert_ne!(one.block(), other.block());
        assert_ne!(one.get(Port::ConsulHttp), other.get(Port::ConsulHttp));
    }

    #[test]
    fn every_port_has_a_place_in_the_block_below_those_of_the_system() {
        const { assert!((Port::LAST as u16) < BLOCK) };
        const { assert!(BLOCKS <= 256 && FIRST as u32 + BLOCKS as u32 * BLOCK as u32 <= 32_768) };
    }
}
