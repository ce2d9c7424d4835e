//! ractor's actors, over tokio's runtimes: a task each, with a mailbox that has no bound, as there is no other.

mod savina;

use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::Workload;
use crate::measure::{per_operation, print};
use crate::resident::Before;

pub(crate) const WORKLOADS: &[Workload] = actor_workloads!();

const MANY: usize = 100_000;

enum Count {
    Add(usize),
    Sum(RpcReplyPort<usize>),
}

struct Counter;

impl Actor for Counter {
    type Msg = Count;
    type State = usize;
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<Count>, _: ()) -> Result<usize, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(&self, _: ActorRef<Count>, message: Count, sum: &mut usize) -> Result<(), ActorProcessingErr> {
        match message {
            Count::Add(number) => *sum += number,
            Count::Sum(reply) => reply.send(*sum)?,
        }
        Ok(())
    }
}

fn runtime(threads: usize) -> Runtime {
    let built = match threads {
        1 => Builder::new_current_thread().enable_time().build(),
        threads => Builder::new_multi_thread().enable_time().worker_threads(threads).build(),
    };
    built.expect("a runtime")
}

async fn make() -> (ActorRef<Count>, JoinHandle<()>) {
    Counter::spawn(None, Counter, ()).await.expect("an actor")
}

async fn sum(actor: &ActorRef<Count>) -> usize {
    actor.call(Count::Sum, None).await.expect("the actor").expect("no time was set")
}

/// Runs a task of the runtime, as the others do, not on the thread that waits for it.
fn run<R: Send + 'static>(runtime: &Runtime, task: impl Future<Output = R> + Send + 'static) -> R {
    runtime.block_on(async { tokio::spawn(task).await.expect("a task that ends") })
}

fn tell(name: &str, threads: usize) {
    let runtime = runtime(threads);
    let (actor, _) = run(&runtime, make());
    per_operation(name, 1 << 12, |messages| {
        let actor = actor.clone();
        run(&runtime, async move {
            let before = sum(&actor).await;
            let start = Instant::now();
            (0..messages).for_each(|_| actor.cast(Count::Add(1)).expect("the actor"));
            assert_eq!(sum(&actor).await, before + messages);
            start.elapsed()
        })
    });
}

fn ask(name: &str, threads: usize) {
    let runtime = runtime(threads);
    let (actor, _) = run(&runtime, make());
    per_operation(name, 1 << 12, |questions| {
        let actor = actor.clone();
        run(&runtime, async move {
            let start = Instant::now();
            for _ in 0..questions {
                assert_eq!(sum(&actor).await, 0);
            }
            start.elapsed()
        })
    });
}

fn many(name: &str, threads: usize) {
    let runtime = runtime(threads);
    let (idle, actors) = run(&runtime, async {
        let before = Before::now();
        let mut actors = Vec::new();
        for _ in 0..MANY {
            actors.push(make().await.0);
        }
        for actor in &actors {
            assert_eq!(sum(actor).await, 0);
        }
        (before.after(), actors)
    });
    drop(actors);
    let spawn: Duration = run(&runtime, async {
        let start = Instant::now();
        let mut actors = Vec::new();
        for _ in 0..MANY {
            actors.push(make().await);
        }
        actors.iter().for_each(|(actor, _)| actor.cast(Count::Add(1)).expect("the actor"));
        actors.iter().for_each(|(actor, _)| actor.stop(None));
        for (_, ended) in actors {
            ended.await.expect("an orderly end");
        }
        start.elapsed()
    });
    print(&format!("{name}-spawn"), spawn.as_nanos() as f64 / MANY as f64, "ns");
    idle.print(name, MANY);
}
