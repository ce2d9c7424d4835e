//! Actors that are a state with handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::actor::{self, Actor, ActorBuilder, ActorState, Context, Handler, Many, Only, Reason, Reply};
use tasklets::{Runtime, run, sleep, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{crash, crashes_are_quiet, keeping};

/// Counts, and tells how it ended.
struct Counter {
    sum: usize,
    ended: Arc<AtomicUsize>,
}

struct Add(usize);
struct Get(Reply<usize>);
struct Nap(Duration, usize);
struct Fail;

impl Actor for Counter {
    type Mail = Many<Counter>;

    fn started(&mut self, _cx: &mut Context<'_, Counter>) {
        self.sum += 1;
    }

    fn stopped(&mut self, _reason: &Reason) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Handler<Add> for Counter {
    fn handle(&mut self, Add(number): Add, _cx: &mut Context<'_, Counter>) {
        self.sum += number;
    }
}

impl Handler<Get> for Counter {
    fn handle(&mut self, Get(reply): Get, _cx: &mut Context<'_, Counter>) {
        reply.send(self.sum).unwrap();
    }
}

impl Handler<Nap> for Counter {
    fn handle(&mut self, Nap(time, number): Nap, cx: &mut Context<'_, Counter>) {
        sleep(time).unwrap();
        cx.addr().tell(Add(number)).unwrap();
    }
}

impl Handler<Fail> for Counter {
    fn handle(&mut self, _: Fail, _cx: &mut Context<'_, Counter>) {
        crash()
    }
}

fn counter() -> (Counter, Arc<AtomicUsize>) {
    let ended = Arc::new(AtomicUsize::new(0));
    (Counter { sum: 0, ended: ended.clone() }, ended)
}

#[test]
fn it_handles_messages_of_several_types_on_one_thread() {
    checked(|| {
        let (counter, ended) = counter();
        let counter = actor::start(counter);
        counter.tell(Add(1)).unwrap();
        counter.tell(Add(40)).unwrap();
        assert_eq!(counter.ask(Get).unwrap(), 42);
        run();
        assert_eq!(counter.state(), ActorState::Idle);
        assert_eq!(tasklets::stats().greenlets.stacks, 0, "it has no stack while it waits");
        counter.stop();
        assert_eq!(counter.join(), Reason::Stopped);
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        assert_eq!(counter.tell(Add(1)).unwrap_err().into_message().0, 1);
    });
}

#[test]
fn it_may_block_in_a_handler_and_its_messages_wait() {
    checked(|| {
        with_virtual_time(|| {
            let counter = actor::start(counter().0);
            counter.tell(Nap(Duration::from_secs(5), 10)).unwrap();
            counter.tell(Add(1)).unwrap();
            assert_eq!(counter.ask(Get).unwrap(), 2);
            assert_eq!(counter.ask(Get).unwrap(), 12);
        });
    });
}

#[test]
fn a_panic_ends_it_and_the_rest_goes_to_the_policy() {
    crashes_are_quiet();
    checked(|| {
        let (lost, policy) = keeping();
        let (counter, ended) = counter();
        let counter = ActorBuilder::new().undelivered(policy).start(counter);
        counter.tell(Add(1)).unwrap();
        counter.tell(Fail).unwrap();
        counter.tell(Add(2)).unwrap();
        assert_eq!(counter.join(), Reason::Panicked("crash".into()));
        let lost: Vec<_> = lost.lock().unwrap().drain(..).map(|mail: Many<Counter>| mail.downcast::<Add>()).collect();
        assert_eq!(lost.len(), 1);
        assert_eq!(lost[0].as_ref().map(|add| add.0), Some(2));
        assert_eq!(ended.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn it_is_killed_where_it_blocks_and_where_it_does_not() {
    checked(|| {
        for blocks in [true, false] {
            let (counter, ended) = counter();
            let counter = actor::start(counter);
            if blocks {
                counter.tell(Nap(Duration::from_secs(1000), 0)).unwrap();
            }
            tasklets::schedule().unwrap();
            counter.kill();
            assert_eq!(counter.join(), Reason::Killed);
            assert_eq!(ended.load(Ordering::Relaxed), 0);
        }
    });
}

/// Takes one type of messages.
struct Sum(u64, Option<Reply<u64>>, u64);

impl Actor for Sum {
    type Mail = Only<u64>;
}

impl Handler<u64> for Sum {
    fn handle(&mut self, number: u64, _cx: &mut Context<'_, Sum>) {
        self.0 += number;
        self.2 -= 1;
        if self.2 == 0
            && let Some(reply) = self.1.take()
        {
            reply.send(self.0).unwrap();
        }
    }
}

struct Ask(Reply<u64>);

#[test]
fn workers_bring_all_messages_exactly_once() {
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let (senders, each) = (4, scale(5_000) as u64);
    let spawner = runtime.spawner();
    let asked = actor::spawn(move |mailbox: &actor::Mailbox<Ask>| {
        let Ask(reply) = mailbox.receive().unwrap();
        let sum = ActorBuilder::new().on(&spawner).start(Sum(0, Some(reply), senders * each));
        for _ in 0..senders {
            let sum = sum.clone();
            spawner.spawn(move || (1..=each).for_each(|number| sum.tell(number).unwrap())).unwrap();
        }
    });
    assert_eq!(asked.ask(Ask).unwrap(), senders * each * (each + 1) / 2);
    drop(asked);
    assert!(runtime.shutdown().is_clean());
}

#[test]
fn many_idle_actors_are_spawned_and_stopped() {
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let count = scale(20_000);
    let ended = Arc::new(AtomicUsize::new(0));
    let theirs = ended.clone();
    runtime
        .run(move || {
            let actors: Vec<_> = (0..count).map(|_| actor::start(Counter { sum: 0, ended: theirs.clone() })).collect();
            actors.iter().for_each(|actor| actor.tell(Add(1)).unwrap());
            assert!(actors.iter().all(|actor| actor.ask(Get).unwrap() == 2));
            actors.iter().for_each(|actor| actor.stop());
            actors.iter().for_each(|actor| assert_eq!(actor.join(), Reason::Stopped));
        })
        .unwrap();
    assert!(runtime.shutdown().is_clean());
    assert_eq!(ended.load(Ordering::Relaxed), count);
}
