//! Go's tests of channels without `select`, rewritten: each test names its original. What became of which is in docs/go-tests.md.

#[path = "../common/mod.rs"]
mod common;

mod chan;
mod fifo;
mod many;
mod power;
mod sieve;
mod support;
