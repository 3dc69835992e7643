//! Everything at once: a mint, the API on a new ledger with a pool, and Envoy with the gate in front of it.

use std::sync::Mutex;

use super::api::Api;
use super::envoy::Envoy;
use super::mint::{Coin, Mint};

/// Coins that a test can take; a few tests take most of them.
const COINS: usize = 64;
/// Coins in the API's pool.
const POOL: usize = 16;

/// A whole HashiCoin.
pub struct World {
    pub mint: Mint,
    pub api: Api,
    pub envoy: Envoy,
    coins: Mutex<Vec<Coin>>,
}

impl World {
    pub fn start() -> World {
        let mint = Mint::new();
        let coins = Mutex::new(mint.coins("coins", COINS));
        let api = Api::start(&mint.mint_directory("pool", POOL));
        let envoy = Envoy::start(api.address);
        World {
            mint,
            api,
            envoy,
            coins,
        }
    }

    /// A good coin that nobody has seen.
    pub fn coin(&self) -> Coin {
        self.coins.lock().unwrap().pop().expect("more coins in COINS")
    }
}
