//! async-executor's executor for one thread, with async-channel. Its tasks are futures and have no stack.
//!
//! Those channels hold at least one message, so that pingpong is with capacity 1; skynet1 is over kanal's, which can hold none,
//! and whose other workloads are a peer of their own. The lock is that of async-lock.

mod places;

use std::rc::Rc;
use std::time::Instant;

use async_channel::unbounded;
use async_executor::LocalExecutor;
use futures_lite::Stream;
use futures_lite::future::{block_on, yield_now};

pub(crate) use places::{Local, Two};

use crate::counter::Counter;
use crate::futures::tree::{Order, skynet};
use crate::futures::{Channels, Lock, many, pair};
use crate::lateness::{times, two_passes};
use crate::measure::{per_operation, time};
use crate::on_kanal::Kanal;
use crate::resident::Before;
use crate::{BATCH, Workload};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("yield2", |name| yields(name, 2)),
    ("yield1k", |name| yields(name, 1_000)),
    ("yield100k", |name| yields(name, 100_000)),
    ("pingpong", pair::pingpong::<Local, Smol>),
    ("mutex", many::mutex::<Local, async_lock::Mutex<usize>, Kanal>),
    ("spawn", spawn_join),
    ("spawn-batch", spawn_batch),
    ("live10k", |name| live(name, 10_000)),
    ("live100k", |name| live(name, 100_000)),
    ("live1m", |name| live(name, 1_000_000)),
    ("timers10k", |name| timers(name, 10_000)),
    ("timers100k", |name| timers(name, 100_000)),
    ("timers1m", |name| timers(name, 1_000_000)),
    ("skynet1", |name| skynet::<Local, Kanal>(name, 0, Order::Breadth)),
    ("skynet1-path", |name| skynet::<Local, Kanal>(name, 0, Order::Path)),
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

/// Tasks that sleep, in the reactor of async-io, which this thread drives.
fn timers(name: &str, tasks: usize) {
    two_passes(name, || {
        let done = Counter::default();
        let executor = Executor::default();
        let all: Vec<_> = times(tasks)
            .map(|time| {
                let done = done.clone();
                executor.spawn(async move {
                    async_io::Timer::after(time).await;
                    done.add_one();
                })
            })
            .collect();
        async_io::block_on(executor.run(async {
            for task in all {
                task.await;
            }
        }));
        assert_eq!(done.get(), tasks);
    });
}

/// Tasks that yield in turn, timed once all have started and until the first one ends.
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
            start.elapsed()
        };
        let all: Vec<_> = (0..tasks).map(|_| executor.spawn(task(done.clone()))).collect();
        let took = enter(&executor, async move {
            let mut took = Vec::with_capacity(tasks);
            for task in all {
                took.push(task.await);
            }
            took[0]
        });
        assert_eq!(done.get(), each * tasks);
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

/// async-channel's.
struct Smol;

impl Channels for Smol {
    type Sender = async_channel::Sender<usize>;
    type Receiver = async_channel::Receiver<usize>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(capacity.max(1))
    }

    async fn send(sender: &Self::Sender, value: usize) -> bool {
        sender.send(value).await.is_ok()
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<usize> {
        receiver.recv().await.ok()
    }

    fn stream(receiver: &mut Self::Receiver) -> impl Stream<Item = usize> + Send + Unpin {
        Box::pin(receiver.clone())
    }
}

impl Lock for async_lock::Mutex<usize> {
    async fn lock(&self) -> impl std::ops::DerefMut<Target = usize> + Send {
        async_lock::Mutex::lock(self).await
    }
}
