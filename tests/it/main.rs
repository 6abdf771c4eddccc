//! Tests with IO.
