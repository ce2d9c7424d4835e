//! `peers PEER NAME...` has another runtime do workloads of the same names as `workloads`, and prints the same lines.
//!
//! All is on one OS thread. What a peer cannot do it does not have; where its work differs, its module says how.

#![forbid(unsafe_code)]

mod counter;
// The rule of measuring is the same because it is the same file.
#[path = "../../src/measure.rs"]
mod measure;
mod on_async_executor;
mod on_corosensei;
mod on_may;
mod on_tokio;
#[path = "../../src/resident.rs"]
mod resident;

use clap::{Parser, ValueEnum};

/// How many tasks a batch of the workload spawn-batch has.
const BATCH: usize = 1_000;

/// A workload's name and how a peer runs it.
type Workload = (&'static str, fn(&str));

#[derive(Clone, Copy, ValueEnum)]
enum Peer {
    Corosensei,
    Tokio,
    AsyncExecutor,
    May,
}

impl Peer {
    fn workloads(self) -> &'static [Workload] {
        match self {
            Self::Corosensei => on_corosensei::WORKLOADS,
            Self::Tokio => on_tokio::WORKLOADS,
            Self::AsyncExecutor => on_async_executor::WORKLOADS,
            Self::May => on_may::WORKLOADS,
        }
    }
}

/// Runs workloads on another runtime and prints their figures.
#[derive(Parser)]
struct Arguments {
    /// Do exactly this many operations, once, where it is not the workload that says how many
    #[arg(long, value_name = "OPERATIONS")]
    exactly: Option<usize>,
    /// The runtime
    peer: Peer,
    /// Workloads to run, in this order; none lists them
    names: Vec<String>,
}

fn main() -> std::process::ExitCode {
    let Arguments { exactly, peer, names } = Arguments::parse();
    if let Some(operations) = exactly {
        measure::exactly(operations);
    }
    let workloads = peer.workloads();
    if names.is_empty() {
        for (name, _) in workloads {
            println!("{name}");
        }
    }
    let find = |name: &String| workloads.iter().find(|workload| workload.0 == name);
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        eprintln!("this peer has no workload {unknown}; run without workloads for a list");
        return 2.into();
    }
    for (name, run) in names.iter().filter_map(find) {
        run(name);
    }
    0.into()
}
