//! The `saddle` command.

fn main() {}
