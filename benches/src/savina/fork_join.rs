//! Fork-join: messages for sixty actors in turn, each of which counts them. A figure is for a message.

use std::time::{Duration, Instant};

use tasklets::actor::{Actor, Context, Handler, Only, Reply};

use super::sizes::FORKED;
use super::{on_runtime, start, stop};
use crate::measure::per_operation;

enum Count {
    One,
    Sum(Reply<usize>),
}

struct Counter(usize);

impl Actor for Counter {
    type Mail = Only<Count>;
}

impl Handler<Count> for Counter {
    fn handle(&mut self, message: Count, _cx: &mut Context<'_, Counter>) {
        match message {
            Count::One => self.0 += 1,
            Count::Sum(reply) => reply.send(self.0).expect("who asked"),
        }
    }
}

pub(crate) fn fork_join(name: &str, threads: usize) {
    per_operation(name, FORKED << 8, |messages| {
        on_runtime(threads, move || -> Duration {
            let each = messages / FORKED;
            let actors: Vec<_> = (0..FORKED).map(|_| start(Counter(0))).collect();
            let began = Instant::now();
            for _ in 0..each {
                actors.iter().for_each(|actor| actor.tell(Count::One).expect("the actor"));
            }
            actors.iter().for_each(|actor| assert_eq!(actor.ask(Count::Sum).expect("the actor"), each));
            let took = began.elapsed();
            stop(&actors);
            took
        })
    });
}
