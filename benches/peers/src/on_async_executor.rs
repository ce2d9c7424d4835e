//! async-executor's executor for one thread, with async-channel. Its tasks are futures and have no stack.
//!
//! Its channels hold at least one message, so that pingpong is with capacity 1.

use std::rc::Rc;
use std::time::Instant;

use async_channel::{bounded, unbounded};
use async_executor::LocalExecutor;
use futures_lite::future::{block_on, yield_now};

use crate::counter::Counter;
use crate::measure::{per_operation, time};
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

type Executor = Rc<LocalExecutor<'static>>;

/// Runs a task to its end. As a task, because what is given to `run` itself is polled only between rounds of the executor.
fn enter<R: 'static>(executor: &Executor, body: impl Future<Output = R> + 'static) -> R {
    block_on(executor.run(executor.spawn(body)))
}

/// Runs until no task can.
fn run(executor: &Executor) {
    while executor.try_tick() {}
}

/// Tasks that yield in turn, timed once all have started.
fn yields(name: &str, tasks: usize) {
    per_operation(name, tasks << 6, |yields| {
        let each = yields / tasks;
        let done = Counter::default();
        let executor = Executor::default();
        let task = |done: Counter| async move {
            yield_now().await;
            let start = Instant::now();
            for _ in 0..each {
                yield_now().await;
                done.add_one();
            }
            start
        };
        let all: Vec<_> = (0..tasks).map(|_| executor.spawn(task(done.clone()))).collect();
        let took = enter(&executor, async move {
            let mut starts = Vec::with_capacity(tasks);
            for task in all {
                starts.push(task.await);
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
        let executor = Executor::default();
        let (there, inbox) = bounded(1);
        let (outbox, back) = bounded(1);
        let echo = async move {
            while let Ok(number) = inbox.recv().await {
                outbox.send(number).await.expect("the pinger");
            }
        };
        executor.spawn(echo).detach();
        let (took, right) = enter(&executor, async move {
            let start = Instant::now();
            let mut right = 0;
            for number in 0..messages / 2 {
                there.send(number).await.expect("the echo");
                right += usize::from(back.recv().await == Ok(number));
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
        let executor = Executor::default();
        let spawner = executor.clone();
        enter(&executor, async move {
            let start = Instant::now();
            let mut sum = 0;
            for number in 0..tasks {
                sum += spawner.spawn(async move { number }).await;
            }
            assert_eq!(sum, tasks * (tasks - 1) / 2);
            start.elapsed()
        })
    });
}

/// Spawn a thousand, let all finish, again and again.
fn spawn_batch(name: &str) {
    per_operation(name, BATCH << 4, |tasks| {
        let executor = Executor::default();
        let done = Counter::default();
        let took = time(|| {
            for _ in 0..tasks / BATCH {
                for _ in 0..BATCH {
                    let done = done.clone();
                    executor.spawn(async move { done.add_one() }).detach();
                }
                run(&executor);
            }
        });
        assert_eq!(done.get(), tasks / BATCH * BATCH);
        took
    });
}

/// Tasks that are each started and blocked on one channel. Cold, one pass.
fn live(name: &str, tasks: usize) {
    let executor = Executor::default();
    let (started, ended) = (Counter::default(), Counter::default());
    let (release, released) = unbounded();
    let before = Before::now();
    for _ in 0..tasks {
        let (started, ended, released) = (started.clone(), ended.clone(), released.clone());
        let blocked = async move {
            started.add_one();
            released.recv().await.expect("its release");
            ended.add_one();
        };
        executor.spawn(blocked).detach();
    }
    run(&executor);
    let growth = before.after();
    assert_eq!((started.get(), ended.get()), (tasks, 0));
    for _ in 0..tasks {
        release.try_send(()).expect("a blocked task");
    }
    run(&executor);
    assert_eq!(ended.get(), tasks);
    growth.print(name, tasks);
}
