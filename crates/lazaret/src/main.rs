//! The command line, the server and the console.
fn main() {}
