//! The mesh with its parts run by Nomad (`hashicoin dev --nomad`): the files of the jobs, what each job may do with the tokens that it really got, and that a ledger that
//! is put elsewhere counts on.
//!
//! As with the mesh, the program brings it up, and the tests read its `mesh.json`. Only root can give each job a network of its own.

mod chaos;
mod identities;
mod jobs;
mod live;
mod moved;
mod report;
mod site;
mod updated;
