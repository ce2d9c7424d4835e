//! Tasklets and their stacks: what is reported when one runs over, what happens when there are none left, and what is measured.

#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;
mod measured;
mod overflow;
mod refused;
