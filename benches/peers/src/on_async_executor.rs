//! async-executor's executor for one thread, with async-channel. Its tasks are futures and have no stack.
//!
//! Those channels hold at least one message, so that pingpong is with capacity 1; skynet1 is over kanal's, which can hold none.

use std::rc::Rc;
use std::time::Instant;

use async_channel::{bounded, unbounded};
use async_executor::LocalExecutor;
use futures_lite::future::{block_on, yield_now};
use kanal::AsyncSender;

use crate::counter::Counter;
use crate::measure::{per_operation, print, time};
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
    ("skynet1", |name| skynet(name, Order::Breadth)),
    ("skynet1-path", |name| skynet(name, Order::Path)),
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

/// In what order a node of the tree lets its children run.
#[derive(Clone, Copy)]
enum Order {
    /// All are spawned, then all are received from.
    Breadth,
    /// One is spawned and received from before the next one is spawned.
    Path,
}

/// A tree of tasks, ten children each, whose million leaves send their numbers up through rendezvous channels. Cold, one pass.
fn skynet(name: &str, order: Order) {
    const LEAVES: usize = 1_000_000;
    let executor = Executor::default();
    let spawner = executor.clone();
    let took = time(|| {
        enter(&executor, async move {
            let (up, root) = kanal::bounded_async(0);
            spawn_node(&spawner, up, 0, LEAVES, order);
            assert_eq!(root.recv().await, Ok(LEAVES * (LEAVES - 1) / 2));
        });
        run(&executor);
    });
    print(name, took.as_secs_f64() * 1e3, "ms");
}

fn spawn_node(executor: &Executor, up: AsyncSender<usize>, first: usize, leaves: usize, order: Order) {
    const CHILDREN: usize = 10;
    // Of their own kinds, so that a leaf's future is no larger than it has to be.
    if leaves == 1 {
        executor.spawn(async move { up.send(first).await.expect("the parent") }).detach();
        return;
    }
    let spawner = executor.clone();
    let node = async move {
        let (child, here) = kanal::bounded_async(0);
        let each = leaves / CHILDREN;
        let spawn = |number: usize| spawn_node(&spawner, child.clone(), first + number * each, each, order);
        if matches!(order, Order::Breadth) {
            (0..CHILDREN).for_each(spawn);
        }
        let mut sum = 0;
        for number in 0..CHILDREN {
            if matches!(order, Order::Path) {
                spawn(number);
            }
            sum += here.recv().await.expect("a child");
        }
        up.send(sum).await.expect("the parent");
    };
    executor.spawn(node).detach();
}
