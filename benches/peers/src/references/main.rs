//! `references NAME...` measures what a tasklet is made of, with nothing around it: a switch, a ring of stacks, mapped memory.
//! They are the yardsticks that workloads of tasklets are judged by, printed as `workloads` prints.
//!
//! Here alone outside of the greenlet crate is `unsafe`, because a stack and a switch cannot be had without.

mod deep;
mod deque;
// The rule of measuring is the same because it is the same file.
#[path = "../../../src/measure.rs"]
mod measure;
mod memory;
#[path = "../../../src/resident.rs"]
mod resident;
mod ring;
mod stacks;

use clap::Parser;

use ring::{Jump, Ret};

/// A workload's name, what it is, and how it is run.
type Workload = (&'static str, &'static str, fn(&str));

#[rustfmt::skip]
const WORKLOADS: &[Workload] = &[
    ("raw-deep", "corosensei's switch to a coroutine and back, two frames deep on either side", deep::raw),
    ("unwind", "corosensei's forced unwinding of a suspended coroutine", deep::unwind),
    ("deque-yield1k", "1,000 coroutines of corosensei that a deque resumes in turn", |name| deque::yields(name, 1_000)),
    ("deque-yield100k", "100,000 of them", |name| deque::yields(name, 100_000)),
    ("bare-yield1k", "a ring of 1,000 stacks; the switch ends in ret", |name| ring::yields::<Ret, false>(name, 1_000)),
    ("bare-yield1k-jump", "it ends in a jump", |name| ring::yields::<Jump, false>(name, 1_000)),
    ("bare-yield1k-deep", "two calls deep; it ends in ret", |name| ring::yields::<Ret, true>(name, 1_000)),
    ("bare-yield1k-deep-jump", "two calls deep; it ends in a jump", |name| ring::yields::<Jump, true>(name, 1_000)),
    ("bare-yield100k", "a ring of 100,000; ret", |name| ring::yields::<Ret, false>(name, 100_000)),
    ("bare-yield100k-jump", "a jump", |name| ring::yields::<Jump, false>(name, 100_000)),
    ("bare-live100k", "100,000 stacks mapped, guarded and touched", |name| memory::live(name, 100_000)),
    ("bare-live1m", "a million of them", |name| memory::live(name, 1_000_000)),
];

/// Measures what tasklets are made of.
#[derive(Parser)]
struct Arguments {
    /// Do exactly this many operations, once, where it is not the workload that says how many
    #[arg(long, value_name = "OPERATIONS")]
    exactly: Option<usize>,
    /// References to measure, in this order; none lists them
    names: Vec<String>,
}

fn main() -> std::process::ExitCode {
    let Arguments { exactly, names } = Arguments::parse();
    if let Some(operations) = exactly {
        measure::exactly(operations);
    }
    if names.is_empty() {
        for (name, about, _) in WORKLOADS {
            println!("{name:22} {about}");
        }
    }
    let find = |name: &String| WORKLOADS.iter().find(|workload| workload.0 == name);
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        eprintln!("no reference is called {unknown}; run without arguments for a list");
        return 2.into();
    }
    for (name, _, run) in names.iter().filter_map(find) {
        run(name);
    }
    0.into()
}
