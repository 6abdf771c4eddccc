//! Tests with IO.

mod sandbox;
