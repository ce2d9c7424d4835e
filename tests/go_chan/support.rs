//! Kinds of channels, and places for a program's tasklets: each test runs with all of them.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tasklets::sync::WaitGroup;
use tasklets::{Receiver, Runtime, Sender, Spawner, Tasklet, bounded, enter, rendezvous, run, spawn, unbounded};

/// A rendezvous, small and larger buffers, and one without a bound.
pub(crate) const KINDS: [Option<usize>; 5] = [Some(0), Some(1), Some(3), Some(100), None];

pub(crate) fn make<T>(kind: Option<usize>) -> (Sender<T>, Receiver<T>) {
    match kind {
        Some(0) => rendezvous(),
        Some(capacity) => bounded(capacity),
        None => unbounded(),
    }
}

/// Where the tasklets of a program are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    OneThread,
    /// One after the other, in turns: what talks to each other is on different threads as often as can be.
    TwoThreads,
    /// Wherever the workers of a runtime take them.
    Workers,
}

pub(crate) const PLACES: [Place; 3] = [Place::OneThread, Place::TwoThreads, Place::Workers];

type Job = Box<dyn FnOnce() + Send>;

/// What stands in for the statement `go`.
#[derive(Clone)]
pub(crate) struct Go(Way);

#[derive(Clone)]
enum Way {
    Here,
    InTurns(Arc<[Sender<Job>; 2]>, Arc<AtomicUsize>),
    /// A job may begin others for as long as it runs: the runtime is shut down after that.
    Workers(Spawner, WaitGroup),
}

impl Go {
    pub(crate) fn go(&self, body: impl FnOnce() + Send + 'static) {
        match &self.0 {
            Way::Here => drop(spawn(body)),
            Way::InTurns(threads, turn) => {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                assert!(threads[turn % 2].send(Box::new(body)).is_ok(), "the thread has ended");
            }
            Way::Workers(spawner, group) => {
                let running = group.worker();
                let job = move || {
                    body();
                    drop(running);
                };
                assert!(spawner.spawn(job).is_ok(), "the runtime is shutting down");
            }
        }
    }
}

impl Place {
    /// Runs a program until the last of its tasklets has come to its own end.
    #[track_caller]
    pub(crate) fn run(self, program: impl FnOnce(&Go) + Send + 'static) {
        match self {
            Place::OneThread => {
                program(&Go(Way::Here));
                let left = run();
                assert!(left.is_finished(), "{left}");
            }
            Place::TwoThreads => in_turns(program),
            Place::Workers => on_workers(program),
        }
    }
}

fn in_turns(program: impl FnOnce(&Go) + Send + 'static) {
    let (first, jobs) = unbounded::<Job>();
    let (second, others) = unbounded::<Job>();
    let there = start(others);
    // What the program itself talks to begins on the other thread.
    let go = Go(Way::InTurns(Arc::new([second, first]), Arc::default()));
    let here = spawn(move || begin_all(jobs));
    program(&go);
    drop(go);
    here.join().unwrap();
    if let Err(payload) = there.join() {
        resume_unwind(payload);
    }
}

fn start(jobs: Receiver<Job>) -> JoinHandle<()> {
    std::thread::spawn(move || enter(|| begin_all(jobs)))
}

/// Begins what comes, until nothing can come any more, and waits for all of it.
fn begin_all(jobs: Receiver<Job>) {
    let tasklets: Vec<Tasklet<()>> = jobs.into_iter().map(spawn).collect();
    tasklets.into_iter().for_each(|tasklet| tasklet.join().unwrap());
}

fn on_workers(program: impl FnOnce(&Go) + Send + 'static) {
    let panics = Arc::new(AtomicUsize::new(0));
    let count = panics.clone();
    let hook = move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let runtime = Runtime::builder().threads(2).on_panic(hook).build().unwrap();
    let group = WaitGroup::new();
    let go = Go(Way::Workers(runtime.spawner(), group.clone()));
    runtime.run(move || program(&go)).unwrap();
    group.wait().unwrap();
    let end = runtime.shutdown();
    assert!(end.killed == 0 && end.survived == 0, "{end}");
    assert_eq!(panics.load(Ordering::Relaxed), 0, "tasklets panicked");
}

/// Runs a program in every place with every kind of channel.
#[track_caller]
pub(crate) fn everywhere(program: impl Fn(&Go, Option<usize>) + Copy + Send + 'static) {
    for place in PLACES {
        for kind in KINDS {
            place.run(move |go| program(go, kind));
        }
    }
}
