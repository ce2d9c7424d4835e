//! Ping-pong: two actors, one message to and fro. A figure is for a message there and one back.

use std::time::{Duration, Instant};

use tasklets::actor::{Actor, Addr, Context, Handler, Only, Reply};

use super::{on_runtime, start, stop};
use crate::measure::per_operation;

enum Ping {
    Begin(usize, Reply<()>),
    Back,
}

/// With the address to answer to.
struct Pong(Addr<Ping>);

struct Pinger {
    other: Addr<Pong>,
    left: usize,
    done: Option<Reply<()>>,
}

struct Ponger;

impl Actor for Pinger {
    type Mail = Only<Ping>;
}

impl Actor for Ponger {
    type Mail = Only<Pong>;
}

impl Handler<Ping> for Pinger {
    fn handle(&mut self, message: Ping, cx: &mut Context<'_, Pinger>) {
        match message {
            Ping::Begin(count, reply) => (self.left, self.done) = (count, Some(reply)),
            Ping::Back => self.left -= 1,
        }
        match self.left {
            0 => self.done.take().expect("it has begun").send(()).expect("who waits"),
            _ => self.other.tell(Pong(cx.addr())).expect("the other one"),
        }
    }
}

impl Handler<Pong> for Ponger {
    fn handle(&mut self, Pong(back): Pong, _cx: &mut Context<'_, Ponger>) {
        back.tell(Ping::Back).expect("the other one");
    }
}

pub(crate) fn ping_pong(name: &str, threads: usize) {
    per_operation(name, 1 << 14, |rounds| {
        on_runtime(threads, move || -> Duration {
            let other = start(Ponger).addr();
            let pinger = start(Pinger { other, left: 0, done: None });
            let began = Instant::now();
            pinger.ask(|reply| Ping::Begin(rounds, reply)).expect("the end");
            let took = began.elapsed();
            stop(&[pinger]);
            took
        })
    });
}
