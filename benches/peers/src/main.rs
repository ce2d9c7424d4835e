//! `peers PEER NAME...` has another runtime do workloads of the same names as `workloads`, and prints the same lines.
//!
//! All is on one OS thread, but for names that end in `-2w`, where two share the work, and in `-x`, where each task has its own.
//! What a peer cannot do it does not have; where its work differs, its module says how.

#![forbid(unsafe_code)]

/// What those with actors are asked for, each by functions of these names of its own.
macro_rules! actor_workloads {
    () => {
        &[
            ("tell1", |name| tell(name, 1)),
            ("tell2", |name| tell(name, 2)),
            ("ask1", |name| ask(name, 1)),
            ("ask2", |name| ask(name, 2)),
            ("actors1", |name| many(name, 1)),
            ("actors2", |name| many(name, 2)),
            ("pingpong-actors1", |name| savina::ping_pong(name, 1)),
            ("pingpong-actors2", |name| savina::ping_pong(name, 2)),
            ("forkjoin-actors1", |name| savina::fork_join(name, 1)),
            ("forkjoin-actors2", |name| savina::fork_join(name, 2)),
            ("big-actors1", |name| savina::big(name, 1)),
            ("big-actors2", |name| savina::big(name, 2)),
            ("bank-actors1", |name| savina::bank(name, 1)),
            ("bank-actors2", |name| savina::bank(name, 2)),
        ]
    };
}

mod counter;
mod futures;
// The rule of measuring is the same because it is the same file.
#[path = "../../src/lateness.rs"]
mod lateness;
#[path = "../../src/measure.rs"]
mod measure;
mod on_async_executor;
mod on_corosensei;
mod on_flume;
mod on_kameo;
mod on_kanal;
mod on_may;
mod on_ractor;
mod on_threads;
mod on_tokio;
#[path = "../../src/resident.rs"]
mod resident;
#[path = "../../src/savina/sizes.rs"]
mod sizes;

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
    Kanal,
    Flume,
    May,
    Crossbeam,
    Kameo,
    Ractor,
}

impl Peer {
    fn workloads(self) -> &'static [Workload] {
        match self {
            Self::Corosensei => on_corosensei::WORKLOADS,
            Self::Tokio => on_tokio::WORKLOADS,
            Self::AsyncExecutor => on_async_executor::WORKLOADS,
            Self::Kanal => on_kanal::WORKLOADS,
            Self::Flume => on_flume::WORKLOADS,
            Self::Crossbeam => on_threads::WORKLOADS,
            Self::Kameo => on_kameo::WORKLOADS,
            Self::Ractor => on_ractor::WORKLOADS,
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
