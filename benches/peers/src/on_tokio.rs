//! tokio's runtime of one thread, and that of two. Its tasks are futures and have no stack.
//!
//! Its channels hold at least one message, so that capacity 1 stands for a rendezvous; and none lets many tasks wait for messages
//! of their own, so that those of live10k wait for a change on a watch channel.

use std::ops::DerefMut;
use std::time::Instant;

use futures_lite::{Stream, stream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::{spawn, yield_now};
use tokio::time::sleep;

use crate::counter::Counter;
use crate::futures::tree::{Order, skynet};
use crate::futures::{Channels, Lock, Place, many, pair};
use crate::lateness::{times, two_passes};
use crate::measure::per_operation;
use crate::resident::Before;
use crate::{BATCH, Workload};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("yield2", |name| yields(name, 2)),
    ("yield1k", |name| yields(name, 1_000)),
    ("yield100k", |name| yields(name, 100_000)),
    ("pingpong", pair::pingpong::<Current, Tokio>),
    ("ring", many::ring::<Current, Tokio>),
    ("sieve", many::sieve::<Current, Tokio>),
    ("fanin", many::fanin::<Current, Tokio>),
    ("buffered", pair::buffered::<Current, Tokio>),
    ("select", many::select::<Current, Tokio>),
    ("mutex", many::mutex::<Current, Mutex<usize>, Tokio>),
    ("skynet1", |name| skynet::<Current, Tokio>(name, 0, Order::Breadth)),
    ("skynet1-buf10", |name| skynet::<Current, Tokio>(name, 10, Order::Breadth)),
    ("pingpong-2w", pair::pingpong::<Two, Tokio>),
    ("buffered-2w", pair::buffered::<Two, Tokio>),
    ("skynet2", |name| skynet::<Two, Tokio>(name, 0, Order::Breadth)),
    ("skynet2-buf10", |name| skynet::<Two, Tokio>(name, 10, Order::Breadth)),
    ("pingpong-x", pair::pingpong_apart::<Current, Tokio>),
    ("buffered-x", pair::buffered_apart::<Current, Tokio>),
    ("spawn", spawn_join),
    ("spawn-batch", spawn_batch),
    ("live10k", |name| live(name, 10_000)),
    ("live100k", |name| live(name, 100_000)),
    ("live1m", |name| live(name, 1_000_000)),
    ("timers10k", |name| timers(name, 10_000)),
    ("timers100k", |name| timers(name, 100_000)),
    ("timers1m", |name| timers(name, 1_000_000)),
];

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

/// Runs a task to its end. As a task, because what is given to `block_on` itself is scheduled in another and slower way.
fn enter<R: Send + 'static>(body: impl Future<Output = R> + Send + 'static) -> R {
    let runtime = runtime();
    runtime.block_on(runtime.spawn(body)).expect("a task that does not panic")
}

/// Tasks that sleep. Its clock is one of milliseconds.
fn timers(name: &str, tasks: usize) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    two_passes(name, || {
        let done = Counter::default();
        let counter = done.clone();
        runtime.block_on(async move {
            let mut set = tokio::task::JoinSet::new();
            for time in times(tasks) {
                let done = done.clone();
                set.spawn(async move {
                    sleep(time).await;
                    done.add_one();
                });
            }
            while set.join_next().await.is_some() {}
        });
        assert_eq!(counter.get(), tasks);
    });
}

/// Tasks that yield in turn, timed once all have started and until the first one ends.
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
                start.elapsed()
            };
            let all: Vec<_> = (0..tasks).map(|_| spawn(task(counter.clone()))).collect();
            let mut took = Vec::with_capacity(tasks);
            for task in all {
                took.push(task.await.expect("a task"));
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

/// The thread that enters it.
#[derive(Clone, Copy, Default)]
struct Current;

impl Place for Current {
    fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        spawn(task);
    }

    fn yield_now(self) -> impl Future<Output = ()> + Send {
        yield_now()
    }

    fn enter<R: Send + 'static>(self, task: impl Future<Output = R> + Send + 'static) -> R {
        enter(task)
    }
}

/// Two threads that share their work.
#[derive(Clone, Copy, Default)]
struct Two;

impl Place for Two {
    fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        spawn(task);
    }

    fn yield_now(self) -> impl Future<Output = ()> + Send {
        yield_now()
    }

    fn enter<R: Send + 'static>(self, task: impl Future<Output = R> + Send + 'static) -> R {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        runtime.block_on(runtime.spawn(task)).expect("a task that does not panic")
    }
}

struct Tokio;

impl Channels for Tokio {
    type Sender = mpsc::Sender<usize>;
    type Receiver = mpsc::Receiver<usize>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::channel(capacity.max(1))
    }

    async fn send(sender: &Self::Sender, value: usize) -> bool {
        sender.send(value).await.is_ok()
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<usize> {
        receiver.recv().await
    }

    fn stream(receiver: &mut Self::Receiver) -> impl Stream<Item = usize> + Send + Unpin {
        stream::poll_fn(|context| receiver.poll_recv(context))
    }
}

impl Lock for Mutex<usize> {
    async fn lock(&self) -> impl DerefMut<Target = usize> + Send {
        Mutex::lock(self).await
    }
}
