//! Tests that run under a tool (an address sanitizer, Valgrind, an emulator): what they have to know of it.
//!
//! The scripts in `.ci` set `TEST_TOOL` to the tool's name, and `TEST_RUNNER` to the command that runs programs, where one is
//! needed. `docs/TESTING.md` argues for every test that asks.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::ffi::OsStr;
use std::process::Command;

/// Whether the tests run under one of these tools (`asan`, `tsan`, `valgrind`, `qemu`). If so, it is said that this part of a test means
/// nothing there, and why.
pub(crate) fn meaningless_under(tools: &[&str], why: &str) -> bool {
    let tool = std::env::var("TEST_TOOL").unwrap_or_default();
    let meaningless = tools.contains(&&*tool);
    if meaningless {
        let thread = std::thread::current();
        eprintln!("left out under {tool} ({}): {why}", thread.name().unwrap_or("unnamed test"));
    }
    meaningless
}

/// A command that runs one of this build's programs: as it is, or through the emulator that these tests run in.
pub(crate) fn program(path: impl AsRef<OsStr>) -> Command {
    let runner = std::env::var("TEST_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace();
    let Some(runner) = words.next() else { return Command::new(path) };
    let mut command = Command::new(runner);
    command.args(words).arg(path);
    command
}

/// A command that runs this test binary again, for a test that ends its process in the midst of things: what lives then is no
/// leak.
pub(crate) fn this_program() -> Command {
    let mut command = program(std::env::current_exe().expect("the path of the test binary"));
    if let Ok(options) = std::env::var("ASAN_OPTIONS") {
        command.env("ASAN_OPTIONS", format!("{options}:detect_leaks=0"));
    }
    command
}
