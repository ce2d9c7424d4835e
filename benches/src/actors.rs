//! Actors of both forms, on runtimes of one thread and of two: telling, asking, making and stopping, and what idle ones take.

use std::time::{Duration, Instant};

use tasklets::Runtime;
use tasklets::actor::{Actor, ActorBuilder, Addr, Context, Handler, Mailbox, Only, Reply};

use crate::measure::{per_operation, print};
use crate::resident::Before;

/// Actors that are made, and stopped, or left idle.
const MANY: usize = 100_000;

/// Adds, and tells the sum.
pub(crate) enum Count {
    Add(usize),
    Sum(Reply<usize>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Function,
    State,
}

#[derive(Default)]
struct Counter(usize);

impl Actor for Counter {
    type Mail = Only<Count>;
}

impl Handler<Count> for Counter {
    fn handle(&mut self, message: Count, _cx: &mut Context<'_, Counter>) {
        count(&mut self.0, message);
    }
}

fn count(sum: &mut usize, message: Count) {
    match message {
        Count::Add(number) => *sum += number,
        Count::Sum(reply) => reply.send(*sum).expect("who asked"),
    }
}

fn make(form: Form, runtime: &tasklets::Spawner) -> Addr<Count> {
    match form {
        Form::State => ActorBuilder::new().on(runtime).start(Counter::default()).addr(),
        Form::Function => ActorBuilder::new().spawn_by(runtime, |mailbox: &Mailbox<Count>| {
            let mut sum = 0;
            mailbox.iter().for_each(|message| count(&mut sum, message));
        }),
    }
}

fn runtime(threads: usize) -> Runtime {
    Runtime::builder().threads(threads).build().expect("a runtime")
}

/// One tasklet tells one actor numbers; the mailbox holds 64.
pub(crate) fn tell(name: &str, form: Form, threads: usize) {
    let runtime = runtime(threads);
    let actor = make(form, &runtime.spawner());
    per_operation(name, 1 << 14, |messages| {
        let actor = actor.clone();
        let took = runtime.run(move || -> Duration {
            let before = actor.ask(Count::Sum).expect("the actor");
            let start = Instant::now();
            (0..messages).for_each(|_| actor.tell(Count::Add(1)).expect("the actor"));
            assert_eq!(actor.ask(Count::Sum).expect("the actor"), before + messages);
            start.elapsed()
        });
        took.expect("the teller")
    });
    drop(actor);
    assert!(runtime.shutdown().is_clean());
}

/// One tasklet asks one actor again and again.
pub(crate) fn ask(name: &str, form: Form, threads: usize) {
    let runtime = runtime(threads);
    let actor = make(form, &runtime.spawner());
    per_operation(name, 1 << 12, |questions| {
        let actor = actor.clone();
        let took = runtime.run(move || -> Duration {
            let start = Instant::now();
            (0..questions).for_each(|_| assert_eq!(actor.ask(Count::Sum).expect("the actor"), 0));
            start.elapsed()
        });
        took.expect("the asker")
    });
    drop(actor);
    assert!(runtime.shutdown().is_clean());
}

/// Makes 100,000 actors that stay idle: what they take. Then makes as many, tells each a number, and stops them.
pub(crate) fn many(name: &str, form: Form, threads: usize) {
    let runtime = runtime(threads);
    let spawner = runtime.spawner();
    let (spawn, idle) = runtime
        .run(move || {
            let before = Before::now();
            let actors: Vec<Addr<Count>> = (0..MANY).map(|_| make(form, &spawner)).collect();
            actors.iter().for_each(|actor| assert_eq!(actor.ask(Count::Sum).expect("the actor"), 0));
            let idle = before.after();
            drop(actors);
            let start = Instant::now();
            let actors: Vec<Addr<Count>> = (0..MANY).map(|_| make(form, &spawner)).collect();
            actors.iter().for_each(|actor| actor.tell(Count::Add(1)).expect("room"));
            actors.iter().for_each(Addr::stop);
            actors.iter().for_each(|actor| drop(actor.join()));
            let spawn = start.elapsed();
            (spawn, idle)
        })
        .expect("the maker");
    print(&format!("{name}-spawn"), spawn.as_nanos() as f64 / MANY as f64, "ns");
    idle.print(name, MANY);
    assert!(runtime.shutdown().is_clean());
}
