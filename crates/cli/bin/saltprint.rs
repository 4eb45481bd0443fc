//! The `saltprint` program: see `saltprint_cli` for its commands.

fn main() {}
