//! `workloads NAME...` runs each named workload and prints a line for each figure: `NAME value unit`.
//!
//! A workload checks the result of its work, and repeats it until a measurement takes at least 0.3 s, unless it is one that
//! is cold by definition. Only the work is timed, not the set-up.

mod actors;
mod channels;
mod echo;
mod lateness;
mod locks;
mod measure;
mod memory;
mod mpmc;
mod resident;
mod savina;
mod select;
mod spawning;
mod switching;
mod timers;
mod tree;
mod workers;
mod yardsticks;

use clap::Parser;

use actors::Form;
use tree::Order;

/// A workload's name, what it is, and how it is run.
struct Workload {
    name: &'static str,
    about: &'static str,
    run: fn(&str),
}

#[rustfmt::skip]
const WORKLOADS: &[Workload] = &[
    Workload { name: "generator", about: "the generator package's own resume and yield", run: yardsticks::generator },
    Workload { name: "generator-send", about: "the same with a value both ways", run: yardsticks::generator_send },
    Workload { name: "generator-deep", about: "the same two frames deep", run: yardsticks::generator_deep },
    Workload { name: "coroutine", about: "the same as a coroutine", run: |name| yardsticks::coroutines(name, 1) },
    Workload { name: "coroutine1k", about: "1,000 of them in turn", run: |name| yardsticks::coroutines(name, 1_000) },
    Workload { name: "raw", about: "switch to a greenlet and back", run: switching::raw },
    Workload { name: "raw-deep", about: "the same two frames deep", run: switching::raw_deep },
    Workload { name: "yield2", about: "2 tasklets call schedule() in turn", run: |name| switching::yields(name, 2) },
    Workload { name: "yield1k", about: "1,000 tasklets do", run: |name| switching::yields(name, 1_000) },
    Workload { name: "yield100k", about: "100,000 tasklets do", run: |name| switching::yields(name, 100_000) },
    Workload { name: "pingpong", about: "two tasklets, two channels", run: channels::pingpong },
    Workload { name: "spawn", about: "spawn a tasklet and join it", run: spawning::spawn_join },
    Workload { name: "spawn-reuse", about: "spawn a tasklet and let it run", run: spawning::spawn_reuse },
    Workload { name: "spawn-batch", about: "spawn 1,000 tasklets and let them finish", run: spawning::spawn_batch },
    Workload { name: "live10k", about: "10,000 tasklets blocked on a channel", run: |name| memory::live(name, 10_000) },
    Workload { name: "live100k", about: "100,000 of them", run: |name| memory::live(name, 100_000) },
    Workload { name: "live1m", about: "a million of them", run: |name| memory::live(name, 1_000_000) },
    Workload { name: "unstarted1m", about: "a million tasklets that have not begun", run: memory::unstarted },
    Workload { name: "skynet1", about: "a tree with a million leaves", run: |name| tree::skynet(name, Order::Depth) },
    Workload { name: "skynet1-ring", about: "in the ring's order", run: |name| tree::skynet(name, Order::Breadth) },
    Workload { name: "skynet1-path", about: "one child at a time", run: |name| tree::skynet(name, Order::Path) },
    Workload { name: "ring", about: "503 tasklets pass a token around", run: channels::ring },
    Workload { name: "sieve", about: "a concurrent prime sieve up to the 2,000th prime", run: channels::sieve },
    Workload { name: "fanin", about: "1,000 producers, one consumer", run: channels::fanin },
    Workload { name: "pingpong-r", about: "pingpong over rendezvous()", run: mpmc::pingpong },
    Workload { name: "ring-r", about: "ring over rendezvous()", run: mpmc::ring },
    Workload { name: "sieve-r", about: "sieve over rendezvous()", run: mpmc::sieve },
    Workload { name: "fanin-r", about: "fanin over rendezvous()", run: mpmc::fanin },
    Workload { name: "select", about: "one consumer selects over 4 channels", run: select::local },
    Workload { name: "select-r", about: "select over rendezvous()", run: select::shared },
    Workload { name: "buffered", about: "one producer, one consumer, capacity 128", run: mpmc::buffered },
    Workload { name: "buffered-u", about: "the same without a bound", run: mpmc::buffered_unbounded },
    Workload { name: "pingpong-x", about: "pingpong-r with a thread each", run: mpmc::pingpong_x },
    Workload { name: "buffered-x", about: "buffered with a thread each", run: mpmc::buffered_x },
    Workload { name: "crossbeam-x", about: "that over crossbeam-channel", run: mpmc::crossbeam_x },
    Workload { name: "mutex", about: "8 tasklets take one lock and yield while holding it", run: mpmc::mutex },
    Workload { name: "skynet1-buf10", about: "skynet1 on a runtime, capacity 10", run: |name| workers::skynet(name, 1, 10) },
    Workload { name: "pingpong-2w", about: "pingpong-r on a runtime of 2 threads", run: workers::pingpong },
    Workload { name: "buffered-2w", about: "buffered on a runtime of 2 threads", run: workers::buffered },
    Workload { name: "skynet2", about: "the tree on a runtime of 2 threads", run: |name| workers::skynet(name, 2, 0) },
    Workload { name: "skynet2-buf10", about: "the same, capacity 10", run: |name| workers::skynet(name, 2, 10) },
    Workload { name: "mutex-free", about: "lock and unlock a mutex that nobody else wants", run: locks::uncontended },
    Workload { name: "timers10k", about: "10,000 tasklets sleep up to a second", run: |name| timers::timers(name, 10_000) },
    Workload { name: "timers100k", about: "100,000 of them", run: |name| timers::timers(name, 100_000) },
    Workload { name: "timers1m", about: "a million of them", run: |name| timers::timers(name, 1_000_000) },
    Workload { name: "tell1", about: "tell an actor a number, 1 thread", run: |name| actors::tell(name, Form::State, 1) },
    Workload { name: "tell1-fn", about: "the same with a function", run: |name| actors::tell(name, Form::Function, 1) },
    Workload { name: "tell2", about: "tell an actor a number, 2 threads", run: |name| actors::tell(name, Form::State, 2) },
    Workload { name: "tell2-fn", about: "the same with a function", run: |name| actors::tell(name, Form::Function, 2) },
    Workload { name: "ask1", about: "ask an actor and wait for the answer, 1 thread", run: |name| actors::ask(name, Form::State, 1) },
    Workload { name: "ask1-fn", about: "the same with a function", run: |name| actors::ask(name, Form::Function, 1) },
    Workload { name: "ask2", about: "ask an actor and wait for the answer, 2 threads", run: |name| actors::ask(name, Form::State, 2) },
    Workload { name: "ask2-fn", about: "the same with a function", run: |name| actors::ask(name, Form::Function, 2) },
    Workload { name: "actors1", about: "100,000 actors made and stopped; idle ones", run: |name| actors::many(name, Form::State, 1) },
    Workload { name: "actors1-fn", about: "the same with functions", run: |name| actors::many(name, Form::Function, 1) },
    Workload { name: "actors2", about: "the same with states on 2 threads", run: |name| actors::many(name, Form::State, 2) },
    Workload { name: "pingpong-actors1", about: "Savina's ping-pong of actors, 1 thread", run: |name| savina::ping_pong(name, 1) },
    Workload { name: "pingpong-actors2", about: "Savina's ping-pong of actors, 2 threads", run: |name| savina::ping_pong(name, 2) },
    Workload { name: "forkjoin-actors1", about: "Savina's fork-join: 60 actors count messages, 1 thread", run: |name| savina::fork_join(name, 1) },
    Workload { name: "forkjoin-actors2", about: "Savina's fork-join: 60 actors count messages, 2 threads", run: |name| savina::fork_join(name, 2) },
    Workload { name: "big-actors1", about: "Savina's big: 120 actors ping each other, 1 thread", run: |name| savina::big(name, 1) },
    Workload { name: "big-actors2", about: "Savina's big: 120 actors ping each other, 2 threads", run: |name| savina::big(name, 2) },
    Workload { name: "bank-actors1", about: "Savina's bank: 1,000 accounts, 1 thread", run: |name| savina::bank(name, 1) },
    Workload { name: "bank-actors2", about: "Savina's bank: 1,000 accounts, 2 threads", run: |name| savina::bank(name, 2) },
    Workload { name: "kill", about: "kill a blocked tasklet", run: spawning::kill },
];

/// Runs workloads and prints their figures.
#[derive(Parser)]
struct Arguments {
    /// Do exactly this many operations, once, where it is not the workload that says how many
    #[arg(long, value_name = "OPERATIONS")]
    exactly: Option<usize>,
    /// Workloads to run, in this order; none lists them
    names: Vec<String>,
}

fn main() -> std::process::ExitCode {
    let Arguments { exactly, names } = Arguments::parse();
    if let Some(operations) = exactly {
        measure::exactly(operations);
    }
    if names.is_empty() {
        for workload in WORKLOADS {
            println!("{:14} {}", workload.name, workload.about);
        }
        // Not among the workloads: they do not end.
        for (name, _) in echo::SERVERS {
            println!("{:14} serves until it is killed; see benches/echo", format!("{name} PORT"));
        }
    }
    if let [name, port] = &names[..]
        && let Some((_, serve)) = echo::SERVERS.iter().find(|(known, _)| known == name)
    {
        let Ok(port) = port.parse() else {
            eprintln!("{port} is no port");
            return 2.into();
        };
        serve(port);
        return 1.into();
    }
    let find = |name: &String| WORKLOADS.iter().find(|workload| workload.name == name);
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        eprintln!("no workload is called {unknown}; run without arguments for a list");
        return 2.into();
    }
    for workload in names.iter().filter_map(find) {
        // Each on a thread of its own, so that none inherits warm stacks.
        let run = move || tasklets::enter(|| (workload.run)(workload.name));
        let thread = std::thread::Builder::new().name(workload.name.into()).spawn(run);
        if thread.map(std::thread::JoinHandle::join).is_err_and(|error| panic!("{error}")) {
            return 1.into();
        }
    }
    0.into()
}
