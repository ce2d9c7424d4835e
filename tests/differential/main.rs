//! Random programs, and the traces of what they did. One build runs every program twice and compares the traces; the script
//! `.ci/differential` compares those of two builds, one for each switching context.
//!
//! `DIFFERENTIAL_SEEDS=17..18` runs those programs alone, and `DIFFERENTIAL_OUT=FOLDER` writes a line for each program, or the whole
//! trace of a single one, to a file for each kind.

#[path = "../common/mod.rs"]
mod common;
mod greenlets;
mod random;
mod tasklets;

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;

/// Programs of each kind.
const SEEDS: usize = 300;
/// Seeds beyond those that once found something.
const FOUND: [u64; 2] = [100_991, 106_052];

/// Runs the programs of one kind, and checks that a program decides alone what it does.
fn compare(kind: &str, program: fn(u64) -> String) {
    let seeds = seeds();
    let whole = seeds.end - seeds.start == 1;
    let mut out = std::env::var_os("DIFFERENTIAL_OUT")
        .map(|folder| File::create(Path::new(&folder).join(kind)).expect("a file that can be written"));
    let mut lines = 0;
    let found = if whole { &[][..] } else { &FOUND };
    for seed in seeds.chain(found.iter().copied()) {
        let trace = on_thread(move || program(seed));
        let again = on_thread(move || program(seed));
        if let Some((first, second)) = trace.lines().zip(again.lines()).find(|(first, second)| first != second) {
            panic!("{kind} {seed} went differently the second time: {first:?}, then {second:?}");
        }
        assert_eq!(trace.len(), again.len(), "{kind} {seed} had another length the second time");
        // Programs raise no text. Generators refuse by a panic.
        let panics = |line: &&str| {
            line.contains("panic ")
                && !line.contains("panic the generator cannot go on")
                && !line.contains("panic a generator was resumed")
        };
        if let Some(line) = trace.lines().find(panics) {
            panic!("{kind} {seed} met a panic of the library's: {line}");
        }
        lines += trace.lines().count();
        if let Some(out) = &mut out {
            let mut hasher = DefaultHasher::new();
            trace.hash(&mut hasher);
            writeln!(out, "{kind} {seed} {:016x}", hasher.finish()).expect("a file that can be written");
            if whole {
                writeln!(out, "{trace}").expect("a file that can be written");
            }
        }
    }
    assert!(lines > 0, "the programs did nothing");
}

/// What `DIFFERENTIAL_SEEDS` says, or a number of programs that depends on `TEST_SCALE`.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("DIFFERENTIAL_SEEDS") else { return 1..1 + common::scale(SEEDS) as u64 };
    let range = text.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    let range: Range<u64> =
        range.unwrap_or_else(|| panic!("DIFFERENTIAL_SEEDS is {text:?}, and should be like 1..300"));
    assert!(!range.is_empty(), "DIFFERENTIAL_SEEDS={text} names no program");
    range
}

/// Every program has a thread of its own, so that its greenlets have the same numbers each time.
fn on_thread<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::spawn(body).join().unwrap_or_else(|payload| resume_unwind(payload))
}

#[test]
fn greenlets_go_the_same_way() {
    compare("greenlets", greenlets::program);
}

#[test]
fn tasklets_go_the_same_way() {
    compare("tasklets", tasklets::program);
}
