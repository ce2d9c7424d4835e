//! Sockets and other descriptors in tasklets.
#![forbid(unsafe_code)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod tcp;
