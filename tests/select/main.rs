//! `select!` and `Select`: their rules, and the tests of other libraries that have the like.

#[path = "../common/mod.rs"]
mod common;

mod crossbeam_load;
mod crossbeam_macro;
mod crossbeam_set;
mod crossbeam_syntax;
mod ends;
mod forms;
mod go;
mod go_races;
mod go_runtime;
mod orders;
#[cfg(unix)]
mod ready;
mod rules;
mod shared;
