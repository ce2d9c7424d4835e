//! Loading recorded programs, and comparing what happened with what was recorded. Knows nothing of the interpreters.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What a program did.
pub(crate) struct Outcome {
    /// `[who, pc, result]` for every operation that ended, in that order.
    pub(crate) trace: Vec<Value>,
    /// The state after main's last operation.
    pub(crate) end: Value,
    /// What is wrong apart from the trace: something that the program left behind.
    pub(crate) fault: Option<String>,
}

/// The folder with the recordings.
pub(crate) fn folder() -> PathBuf {
    match std::env::var_os("CONFORMANCE_DIR") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/traces"),
    }
}

/// Runs every program of the folder; prints a line for each file and one for each program that differs.
///
/// # Panics
///
/// If there is no program, if one differs that is not a reviewed divergence, or if a reviewed one does not differ.
pub(crate) fn check(folder: &Path, interpret: impl Fn(&Value) -> Option<Outcome>) {
    let reviewed = divergences();
    let (mut programs, mut unexplained) = (0, Vec::new());
    for file in files(folder) {
        let (mut matched, mut total, mut skipped) = (0, 0, 0);
        for program in load(&file) {
            total += 1;
            let Some(outcome) = interpret(&program) else {
                skipped += 1;
                continue;
            };
            let id = program["id"].as_str().unwrap_or("(no id)").to_owned();
            match (difference(&program, &outcome), reviewed.get(&id)) {
                (None, None) => matched += 1,
                (None, Some(rule)) => unexplained.push(format!("{id}: listed under {rule}, but it matches")),
                (Some(what), Some(rule)) => println!("  {id}: {what} (reviewed: {rule})"),
                (Some(what), None) => {
                    println!("  {id}: {what}");
                    unexplained.push(format!("{id}: {what}"));
                }
            }
        }
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        match skipped {
            0 => println!("{stem}: {matched}/{total} match"),
            _ => println!("{stem}: {matched}/{total} match, {skipped} without an interpreter"),
        }
        programs += total;
    }
    assert!(programs > 0, "no recorded programs in {}", folder.display());
    assert!(unexplained.is_empty(), "{} differ:\n{}", unexplained.len(), unexplained.join("\n"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder that can be listed").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    files.sort();
    files
}

fn load(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parse =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display()));
    text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
}

/// The first thing that differs from the recording.
fn difference(program: &Value, outcome: &Outcome) -> Option<String> {
    let recorded = program["trace"].as_array().expect("a recorded trace");
    for at in 0..recorded.len().max(outcome.trace.len()) {
        let (expected, got) = (recorded.get(at), outcome.trace.get(at));
        if expected != got {
            let show = |event: Option<&Value>| event.map_or("nothing".to_owned(), Value::to_string);
            return Some(format!("event {at} is {}, recorded {}", show(got), show(expected)));
        }
    }
    if program["final"] != outcome.end {
        return Some(format!("the end is {}, recorded {}", outcome.end, program["final"]));
    }
    outcome.fault.clone()
}

/// Which programs are reviewed divergences, and of which rule.
fn divergences() -> BTreeMap<String, String> {
    let mut reviewed = BTreeMap::new();
    for line in include_str!("divergences.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [rule, _reason, ids] = fields[..] else { panic!("divergences.txt: not `rule | reason | ids`: {line}") };
        for id in ids.split(',') {
            reviewed.insert(id.trim().to_owned(), rule.to_owned());
        }
    }
    reviewed
}

#[test]
fn a_difference_is_found() {
    let program = json!({ "id": "x", "trace": [[-1, 0, 1], [-1, 1, null]], "final": [] });
    let run = |trace: Value, end: Value, fault: Option<&str>| {
        let trace = trace.as_array().expect("an array").clone();
        difference(&program, &Outcome { trace, end, fault: fault.map(str::to_owned) })
    };
    assert_eq!(run(json!([[-1, 0, 1], [-1, 1, null]]), json!([]), None), None);
    assert_eq!(run(json!([[-1, 0, 2]]), json!([]), None), Some("event 0 is [-1,0,2], recorded [-1,0,1]".to_owned()));
    assert_eq!(run(json!([[-1, 0, 1]]), json!([]), None), Some("event 1 is nothing, recorded [-1,1,null]".to_owned()));
    assert_eq!(run(program["trace"].clone(), json!([null]), None), Some("the end is [null], recorded []".to_owned()));
    assert_eq!(run(program["trace"].clone(), json!([]), Some("left")), Some("left".to_owned()));
}
