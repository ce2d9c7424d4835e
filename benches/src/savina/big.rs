//! Big: 120 actors, each of which pings one of all at random, waits for its answer, and pings the next. A figure is for a ping and its answer.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tasklets::actor::{Actor, ActorBuilder, Addr, Context, Handler, Only};

use super::sizes::{BIG, BIG_ROOM, Chance};
use super::tally::{Tally, Told};
use super::{on_runtime, start, stop};
use crate::measure::per_operation;

enum Mail {
    Begin,
    Ping { from: usize },
    Pong,
}

struct One {
    number: usize,
    left: usize,
    chance: Chance,
    all: Arc<OnceLock<Vec<Addr<Mail>>>>,
    done: Addr<Told>,
}

impl One {
    fn all(&self) -> &[Addr<Mail>] {
        self.all.get().expect("all are there before one begins")
    }

    fn ping_next(&mut self) {
        if self.left == 0 {
            return self.done.tell(Told::One).expect("it waits");
        }
        self.left -= 1;
        let to = self.chance.below(BIG);
        self.all()[to].tell(Mail::Ping { from: self.number }).expect("all live");
    }
}

impl Actor for One {
    type Mail = Only<Mail>;
}

impl Handler<Mail> for One {
    fn handle(&mut self, mail: Mail, _cx: &mut Context<'_, One>) {
        match mail {
            Mail::Ping { from } => self.all()[from].tell(Mail::Pong).expect("all live"),
            Mail::Begin | Mail::Pong => self.ping_next(),
        }
    }
}

pub(crate) fn big(name: &str, threads: usize) {
    per_operation(name, BIG << 7, |pings| {
        on_runtime(threads, move || -> Duration {
            let tally = start(Tally::default());
            let all = Arc::new(OnceLock::new());
            let actors: Vec<_> = (0..BIG)
                .map(|number| {
                    let (chance, left, done) = (Chance::new(number), pings / BIG, tally.addr());
                    let one = One { number, left, chance, all: all.clone(), done };
                    ActorBuilder::new().capacity(BIG_ROOM).start(one)
                })
                .collect();
            all.get_or_init(|| actors.iter().map(|actor| actor.addr()).collect());
            let began = Instant::now();
            actors.iter().for_each(|actor| actor.tell(Mail::Begin).expect("it lives"));
            tally.ask(|reply| Told::Expect(BIG, reply)).expect("all end");
            let took = began.elapsed();
            stop(&actors);
            took
        })
    });
}
