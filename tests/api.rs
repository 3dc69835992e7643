//! The API through its front door: the built `hashicoin-api`, over real HTTP, with coins from the built mint.
//!
//! No proxy stands in front here, so this is also what the API does about a coin by itself. Every answer that any of these tests sees is held against
//! crates/api/openapi.json, and [`promises`] sees every answer that openapi.json has.

mod coins;
mod command_line;
pub mod events;
mod http2;
mod issued;
pub mod keys;
mod life;
mod limits;
mod log;
pub mod openapi;
mod operations;
mod page;
mod promises;
mod refusals;
mod secrets;
pub mod server;
mod stream;
mod votes;
