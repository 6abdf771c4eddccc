//! b24
fn main() {}
