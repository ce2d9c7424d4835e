//! Runs the binaries of `examples/`, which `cargo test` builds beside the tests.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// A command that runs an example.
pub(crate) fn command(name: &str) -> Command {
    let test = std::env::current_exe().expect("the test knows where it is");
    let profile = test.ancestors().nth(2).expect("tests are in the folder deps of a profile");
    let path: PathBuf = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is not built: run `cargo build --examples`, or all of `cargo test`", path.display());
    crate::common::tool::program(path)
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("examples print text").replace("\r\n", "\n")
}
