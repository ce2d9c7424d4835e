//! Recorded programs of real greenlet and real Stackless Python, run on this workspace's public API and compared event by
//! event. `CONFORMANCE_DIR` names another folder of `.jsonl` files than the one that is kept here.

mod greenlets;
mod tasklets;
mod traces;

use serde_json::Value;
use traces::Outcome;

/// Runs one program, whichever half it belongs to; `None` if there is no interpreter for it yet.
fn interpret(program: &Value) -> Option<Outcome> {
    if program.get("greenlets").is_some() {
        return Some(greenlets::run(program));
    }
    if program.get("tasklets").is_some() {
        return Some(tasklets::run_program(program));
    }
    None
}

/// What is called between operations. Here, nothing: another test looks at everything, and nothing may change.
fn look(_: &[Option<greenlet::Greenlet<i64>>]) {}

#[test]
fn recorded_programs_match() {
    traces::check(&traces::folder(), interpret);
}
