//! The contract on Postgres, and what is Postgres' own: roles, the fence, commits whose answer is lost, a server that is killed. The names of these tests begin with `on_postgres`, since they
//! need the real one.

mod cuts;
mod fence;
mod flips;
mod late;
mod locks;
mod opening;
mod roles;

use crate::database::Database;

contract!(Database::with_ledger());
