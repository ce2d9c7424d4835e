//! `select!` and `Select`: their rules, and the tests of other libraries that have the like.

#[path = "../common/mod.rs"]
mod common;

mod crossbeam_load;
mod crossbeam_set;
mod ends;
mod forms;
mod rules;
mod shared;
