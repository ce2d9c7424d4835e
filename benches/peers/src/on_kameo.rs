//! kameo's actors, over tokio's runtimes: a task each, with a bounded mailbox of 64.

mod savina;

use std::time::{Duration, Instant};

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox;
use kameo::message::{Context, Message};
use tokio::runtime::{Builder, Runtime};

use crate::Workload;
use crate::measure::{per_operation, print};
use crate::resident::Before;

pub(crate) const WORKLOADS: &[Workload] = actor_workloads!();

const MANY: usize = 100_000;

struct Counter(usize);

impl Actor for Counter {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(state: Self, _actor: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(state)
    }
}

struct Add(usize);
struct Sum;

impl Message<Add> for Counter {
    type Reply = ();

    async fn handle(&mut self, Add(number): Add, _ctx: &mut Context<Self, ()>) {
        self.0 += number;
    }
}

impl Message<Sum> for Counter {
    type Reply = usize;

    async fn handle(&mut self, _: Sum, _ctx: &mut Context<Self, usize>) -> usize {
        self.0
    }
}

fn runtime(threads: usize) -> Runtime {
    let built = match threads {
        1 => Builder::new_current_thread().build(),
        threads => Builder::new_multi_thread().worker_threads(threads).build(),
    };
    built.expect("a runtime")
}

fn make() -> ActorRef<Counter> {
    Counter::spawn_with_mailbox(Counter(0), mailbox::bounded(64))
}

/// Runs a task of the runtime, as the others do, not on the thread that waits for it.
fn run<R: Send + 'static>(runtime: &Runtime, task: impl Future<Output = R> + Send + 'static) -> R {
    runtime.block_on(async { tokio::spawn(task).await.expect("a task that ends") })
}

fn tell(name: &str, threads: usize) {
    let runtime = runtime(threads);
    let actor = run(&runtime, async { make() });
    per_operation(name, 1 << 12, |messages| {
        let actor = actor.clone();
        run(&runtime, async move {
            let before = actor.ask(Sum).await.expect("the actor");
            let start = Instant::now();
            for _ in 0..messages {
                actor.tell(Add(1)).await.expect("the actor");
            }
            assert_eq!(actor.ask(Sum).await.expect("the actor"), before + messages);
            start.elapsed()
        })
    });
}

fn ask(name: &str, threads: usize) {
    let runtime = runtime(threads);
    let actor = run(&runtime, async { make() });
    per_operation(name, 1 << 12, |questions| {
        let actor = actor.clone();
        run(&runtime, async move {
            let start = Instant::now();
            for _ in 0..questions {
                assert_eq!(actor.ask(Sum).await.expect("the actor"), 0);
            }
            start.elapsed()
        })
    });
}

fn many(name: &str, threads: usize) {
    let runtime = runtime(threads);
    let (idle, actors) = run(&runtime, async {
        let before = Before::now();
        let actors: Vec<_> = (0..MANY).map(|_| make()).collect();
        for actor in &actors {
            assert_eq!(actor.ask(Sum).await.expect("the actor"), 0);
        }
        (before.after(), actors)
    });
    drop(actors);
    let spawn: Duration = run(&runtime, async {
        let start = Instant::now();
        let actors: Vec<_> = (0..MANY).map(|_| make()).collect();
        for actor in &actors {
            actor.tell(Add(1)).await.expect("room");
        }
        for actor in &actors {
            actor.stop_gracefully().await.expect("the actor");
        }
        for actor in &actors {
            actor.wait_for_shutdown().await;
        }
        start.elapsed()
    });
    print(&format!("{name}-spawn"), spawn.as_nanos() as f64 / MANY as f64, "ns");
    idle.print(name, MANY);
}
