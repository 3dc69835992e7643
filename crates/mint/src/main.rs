//! mint
fn main() {}
