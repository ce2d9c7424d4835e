//! tokio's runtime of one thread. Its tasks are futures and have no stack.
//!
//! Its channels hold at least one message, so that pingpong is with capacity 1; and none lets many tasks wait for messages of
//! their own, so that those of live10k wait for a change on a watch channel.

use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::{spawn, yield_now};

use crate::counter::Counter;
use crate::measure::per_operation;
use crate::resident::Before;
use crate::{BATCH, Workload};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("yield2", |name| yields(name, 2)),
    ("yield1k", |name| yields(name, 1_000)),
    ("yield100k", |name| yields(name, 100_000)),
    ("pingpong", pingpong),
    ("spawn", spawn_join),
    ("spawn-batch", spawn_batch),
    ("live10k", |name| live(name, 10_000)),
    ("live100k", |name| live(name, 100_000)),
    ("live1m", |name| live(name, 1_000_000)),
];

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

/// Runs a task to its end. As a task, because what is given to `block_on` itself is scheduled in another and slower way.
fn enter<R: Send + 'static>(body: impl Future<Output = R> + Send + 'static) -> R {
    let runtime = runtime();
    runtime.block_on(runtime.spawn(body)).expect("a task that does not panic")
}

/// Tasks that yield in turn, timed once all have started.
fn yields(name: &str, tasks: usize) {
    per_operation(name, tasks << 6, |yields| {
        let each = yields / tasks;
        let done = Counter::default();
        let counter = done.clone();
        let took = enter(async move {
            let task = |done: Counter| async move {
                yield_now().await;
                let start = Instant::now();
                for _ in 0..each {
                    yield_now().await;
                    done.add_one();
                }
                start
            };
            let all: Vec<_> = (0..tasks).map(|_| spawn(task(counter.clone()))).collect();
            let mut starts = Vec::with_capacity(tasks);
            for task in all {
                starts.push(task.await.expect("a task"));
            }
            starts[0].elapsed()
        });
        assert_eq!(done.get(), each * tasks);
        took
    });
}

/// Two tasks, two channels of capacity 1: one sends a number and receives it back.
fn pingpong(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let (there, mut inbox) = mpsc::channel(1);
        let (outbox, mut back) = mpsc::channel(1);
        let (took, right) = enter(async move {
            spawn(async move {
                while let Some(number) = inbox.recv().await {
                    outbox.send(number).await.expect("the pinger");
                }
            });
            let start = Instant::now();
            let mut right = 0;
            for number in 0..messages / 2 {
                there.send(number).await.expect("the echo");
                right += usize::from(back.recv().await == Some(number));
            }
            (start.elapsed(), right)
        });
        assert_eq!(right, messages / 2);
        took
    });
}

/// Spawn a trivial task and join it, one after the other.
fn spawn_join(name: &str) {
    per_operation(name, 1 << 14, |tasks| {
        enter(async move {
            let start = Instant::now();
            let mut sum = 0;
            for number in 0..tasks {
                sum += spawn(async move { number }).await.expect("a result");
            }
            assert_eq!(sum, tasks * (tasks - 1) / 2);
            start.elapsed()
        })
    });
}

/// Spawn a thousand, let all finish, again and again.
fn spawn_batch(name: &str) {
    per_operation(name, BATCH << 4, |tasks| {
        enter(async move {
            let done = Counter::default();
            let start = Instant::now();
            for batch in 1..=tasks / BATCH {
                for _ in 0..BATCH {
                    let done = done.clone();
                    spawn(async move { done.add_one() });
                }
                while done.get() < batch * BATCH {
                    yield_now().await;
                }
            }
            start.elapsed()
        })
    });
}

/// Tasks that are each started and wait on one channel. Cold, one pass.
fn live(name: &str, tasks: usize) {
    runtime().block_on(async {
        let (started, ended) = (Counter::default(), Counter::default());
        let (release, released) = watch::channel(());
        let before = Before::now();
        for _ in 0..tasks {
            let (started, ended, mut released) = (started.clone(), ended.clone(), released.clone());
            spawn(async move {
                started.add_one();
                released.changed().await.expect("its release");
                ended.add_one();
            });
        }
        while started.get() < tasks {
            yield_now().await;
        }
        let growth = before.after();
        assert_eq!(ended.get(), 0);
        release.send(()).expect("blocked tasks");
        while ended.get() < tasks {
            yield_now().await;
        }
        growth.print(name, tasks);
    });
}
