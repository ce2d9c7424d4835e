//! Programs of the Savina suite, with states as actors, on runtimes of one thread and of two. Making the actors is not counted.

mod bank;
mod big;
mod fork_join;
mod ping_pong;
mod sizes;
mod tally;

use tasklets::Runtime;
use tasklets::actor::{Actor, ActorBuilder, ActorRef};

pub(crate) use bank::bank;
pub(crate) use big::big;
pub(crate) use fork_join::fork_join;
pub(crate) use ping_pong::ping_pong;

/// Runs `body` on a runtime of so many threads.
fn on_runtime<R: Send + 'static>(threads: usize, body: impl FnOnce() -> R + Send + 'static) -> R {
    let runtime = Runtime::builder().threads(threads).build().expect("a runtime");
    let result = runtime.run(body).expect("the program");
    assert!(runtime.shutdown().is_clean());
    result
}

fn start<A: Actor>(actor: A) -> ActorRef<A> {
    ActorBuilder::new().start(actor)
}

/// Actors that have each other's addresses end when they are told to.
fn stop<A: Actor>(actors: &[ActorRef<A>]) {
    actors.iter().for_each(ActorRef::stop);
    actors.iter().for_each(|actor| drop(actor.join()));
}
