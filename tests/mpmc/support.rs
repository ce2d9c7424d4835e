//! Kinds of channels, places for their ends, and values that are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::{Receiver, Sender, bounded, rendezvous, spawn, unbounded};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// Capacities of the channels that a test is made with; none is unbounded.
pub(crate) const KINDS: [Option<usize>; 5] = [Some(0), Some(1), Some(2), Some(10), None];

pub(crate) fn make<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    match capacity {
        Some(0) => rendezvous(),
        Some(capacity) => bounded(capacity),
        None => unbounded(),
    }
}

/// Where the ends of a channel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// In tasklets of one thread.
    OneThread,
    /// In tasklets of a thread each.
    Tasklets,
    /// In threads that have no tasklets otherwise.
    Plain,
}

pub(crate) const HOMES: [Home; 3] = [Home::OneThread, Home::Tasklets, Home::Plain];

pub(crate) type Job = Box<dyn FnOnce() + Send>;

pub(crate) fn job(body: impl FnOnce() + Send + 'static) -> Job {
    Box::new(body)
}

impl Home {
    /// Does all of this at once.
    #[track_caller]
    pub(crate) fn run(self, jobs: Vec<Job>) {
        if self == Home::OneThread {
            let tasklets: Vec<_> = jobs.into_iter().map(spawn).collect();
            tasklets.into_iter().for_each(|tasklet| tasklet.join().unwrap());
            return;
        }
        let start = move |job: Job| {
            std::thread::spawn(move || match self {
                Home::Plain => job(),
                _ => tasklets::enter(|| spawn(job).join().unwrap()),
            })
        };
        let threads: Vec<_> = jobs.into_iter().map(start).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Runs a test for every kind and place.
pub(crate) fn everywhere(test: impl Fn(Home, Option<usize>)) {
    for home in HOMES {
        for kind in KINDS {
            test(home, kind);
        }
    }
}

/// How many values there are, and how many have been dropped.
#[derive(Clone, Default)]
pub(crate) struct Census {
    alive: Arc<AtomicIsize>,
    dropped: Arc<AtomicUsize>,
}

/// A value that is counted.
pub(crate) struct Counted {
    pub(crate) number: usize,
    census: Census,
}

impl Census {
    pub(crate) fn value(&self, number: usize) -> Counted {
        self.alive.fetch_add(1, Ordering::SeqCst);
        Counted { number, census: self.clone() }
    }

    pub(crate) fn alive(&self) -> isize {
        self.alive.load(Ordering::SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.census.alive.fetch_sub(1, Ordering::SeqCst);
        self.census.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
