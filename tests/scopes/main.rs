//! Scopes: what they promise, and every way to leave one with something borrowed alive that safe code could try.

#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;

mod anywhere;
mod attacks;
mod owners;

mod process;
mod random;
mod remote_scope;
mod rules;
mod support;
