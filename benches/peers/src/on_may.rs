//! may with one worker: stackful coroutines that a runtime of threads schedules.
//!
//! The worker is a thread of its own, so that a workload runs in a coroutine and the main thread waits for it. Its channels
//! are unbounded: in pingpong every receive waits all the same, and no send does.

use std::time::{Duration, Instant};

use may::coroutine::{JoinHandle, yield_now};
use may::go;
use may::sync::mpmc;

use crate::counter::Counter;
use crate::measure::per_operation;
use crate::resident::Before;
use crate::{BATCH, Workload};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("yield2", |name| yields(name, 2)),
    ("yield1k", |name| yields(name, 1_000)),
    ("pingpong", pingpong),
    ("spawn", spawn_join),
    ("spawn-batch", spawn_batch),
    ("live10k", |name| live(name, 10_000)),
];

/// Runs a coroutine to its end, on the one worker.
fn enter<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    // Both take effect only before the first coroutine. A batch's stacks fit into the pool, as they do in that of tasklets.
    may::config().set_workers(1).set_pool_capacity(2 * BATCH);
    go!(body).join().expect("a coroutine that does not panic")
}

/// Coroutines that yield in turn, timed once all have started and until the first one ends.
fn yields(name: &str, coroutines: usize) {
    per_operation(name, coroutines << 6, |yields| {
        let each = yields / coroutines;
        let done = Counter::default();
        let counter = done.clone();
        let took = enter(move || {
            let spawn = |done: Counter| -> JoinHandle<Duration> {
                go!(move || {
                    yield_now();
                    let start = Instant::now();
                    for _ in 0..each {
                        yield_now();
                        done.add_one();
                    }
                    start.elapsed()
                })
            };
            let all: Vec<_> = (0..coroutines).map(|_| spawn(counter.clone())).collect();
            let took: Vec<Duration> = all.into_iter().map(|one| one.join().expect("a coroutine")).collect();
            took[0]
        });
        assert_eq!(done.get(), each * coroutines);
        took
    });
}

/// Two coroutines, two unbounded channels: one sends a number and receives it back.
fn pingpong(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let (took, right) = enter(move || {
            let (there, inbox) = may::sync::mpsc::channel();
            let (outbox, back) = may::sync::mpsc::channel();
            go!(move || {
                for number in inbox {
                    outbox.send(number).expect("the pinger");
                }
            });
            let start = Instant::now();
            let mut right = 0;
            for number in 0..messages / 2 {
                there.send(number).expect("the echo");
                right += usize::from(back.recv() == Ok(number));
            }
            (start.elapsed(), right)
        });
        assert_eq!(right, messages / 2);
        took
    });
}

/// Spawn a trivial coroutine and join it, one after the other.
fn spawn_join(name: &str) {
    per_operation(name, 1 << 14, |coroutines| {
        enter(move || {
            let start = Instant::now();
            let sum: usize = (0..coroutines).map(|number| go!(move || number).join().expect("a result")).sum();
            assert_eq!(sum, coroutines * (coroutines - 1) / 2);
            start.elapsed()
        })
    });
}

/// Spawn a thousand, let all finish, again and again.
///
/// A new coroutine goes into a queue that the worker looks into only when no other coroutine can run, so that one that waits
/// for it in a loop of yields waits forever. The last one of a batch is joined instead: they run in their order.
fn spawn_batch(name: &str) {
    per_operation(name, BATCH << 4, |coroutines| {
        let done = Counter::default();
        let counter = done.clone();
        let took = enter(move || {
            let start = Instant::now();
            for _ in 0..coroutines / BATCH {
                let mut last = None;
                for _ in 0..BATCH {
                    let counter = counter.clone();
                    last = Some(go!(move || counter.add_one()));
                }
                last.expect("a batch is not empty").join().expect("the last coroutine");
            }
            start.elapsed()
        });
        assert_eq!(done.get(), coroutines / BATCH * BATCH);
        took
    });
}

/// Coroutines that are each started and blocked on one channel. Cold, one pass.
fn live(name: &str, coroutines: usize) {
    let growth = enter(move || {
        let (started, ended) = (Counter::default(), Counter::default());
        let (release, released) = mpmc::channel();
        // Who gets there last says so.
        let (all, told) = mpmc::channel();
        let before = Before::now();
        for _ in 0..coroutines {
            let (started, ended, released, all) = (started.clone(), ended.clone(), released.clone(), all.clone());
            let at = move |counter: &Counter| {
                counter.add_one();
                if counter.get() == coroutines {
                    all.send(()).expect("the first coroutine");
                }
            };
            go!(move || {
                at(&started);
                released.recv().expect("its release");
                at(&ended);
            });
        }
        told.recv().expect("the last one");
        let growth = before.after();
        assert_eq!((started.get(), ended.get()), (coroutines, 0));
        for _ in 0..coroutines {
            release.send(()).expect("a blocked coroutine");
        }
        told.recv().expect("the last one");
        growth
    });
    growth.print(name, coroutines);
}
