//! Runtimes whose workers are checked for leaks when they end.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tasklets::{Runtime, RuntimeBuilder, Stats, stats};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// Far longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// What workers held when they ended.
#[derive(Clone, Default)]
pub(crate) struct Leaks(Arc<Mutex<Vec<Stats>>>);

impl Leaks {
    /// How many workers have ended.
    pub(crate) fn ended(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Every worker has ended with nothing left.
    #[track_caller]
    pub(crate) fn check(&self, workers: usize) {
        let seen = self.0.lock().unwrap();
        assert_eq!(seen.len(), workers, "workers that have ended");
        for stats in &*seen {
            assert_eq!((stats.tasklets, stats.blocked, stats.runnable), (0, 0, 1), "{stats:?}");
            assert_eq!((stats.greenlets.active, stats.greenlets.stacks), (0, 0), "{stats:?}");
        }
    }
}

/// A builder that is to be checked by the other one when its runtime has ended.
pub(crate) fn builder(threads: usize) -> (RuntimeBuilder, Leaks) {
    let leaks = Leaks::default();
    let noted = leaks.clone();
    let builder = Runtime::builder().threads(threads).on_thread_stop(move |_| noted.0.lock().unwrap().push(stats()));
    (builder, leaks)
}

/// Runs `body` with a runtime, shuts that down, and checks it.
#[track_caller]
pub(crate) fn with_runtime(threads: usize, body: impl FnOnce(&Runtime)) {
    let (builder, leaks) = builder(threads);
    let runtime = builder.build().unwrap();
    body(&runtime);
    assert!(runtime.shutdown().is_clean());
    leaks.check(threads);
}

/// Waits, on this OS thread, until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LONG, "in vain: {what}");
        std::thread::sleep(MS / 10);
    }
}
