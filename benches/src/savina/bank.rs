//! Bank: a teller has a thousand accounts transfer money; each asks the other one to take it, waits for the answer, and tells when it is done. A
//! figure is for a transfer.

use std::time::{Duration, Instant};

use tasklets::actor::{Actor, Addr, Context, Handler, Only, Reply};

use super::sizes::{ACCOUNTS, Chance};
use super::tally::{Tally, Told};
use super::{on_runtime, start, stop};
use crate::measure::per_operation;

enum Order {
    Pay { to: Addr<Order>, amount: i64, done: Addr<Told> },
    Take(i64, Reply<()>),
    Balance(Reply<i64>),
}

struct Account(i64);

impl Actor for Account {
    type Mail = Only<Order>;
}

impl Handler<Order> for Account {
    fn handle(&mut self, order: Order, _cx: &mut Context<'_, Account>) {
        match order {
            Order::Pay { to, amount, done } => {
                self.0 -= amount;
                to.ask(|reply| Order::Take(amount, reply)).expect("the other account");
                done.tell(Told::One).expect("it waits");
            }
            Order::Take(amount, reply) => {
                self.0 += amount;
                reply.send(()).expect("who asked");
            }
            Order::Balance(reply) => reply.send(self.0).expect("who asked"),
        }
    }
}

pub(crate) fn bank(name: &str, threads: usize) {
    per_operation(name, 1 << 12, |transfers| {
        on_runtime(threads, move || -> Duration {
            let tally = start(Tally::default());
            let accounts: Vec<_> = (0..ACCOUNTS).map(|_| start(Account(0))).collect();
            let addrs: Vec<Addr<Order>> = accounts.iter().map(|account| account.addr()).collect();
            let done = tally.addr();
            let mut chance = Chance::new(0);
            let began = Instant::now();
            for _ in 0..transfers {
                let (from, to) = chance.transfer();
                let (to, done) = (addrs[to].clone(), done.clone());
                addrs[from].tell(Order::Pay { to, amount: 1, done }).expect("the account");
            }
            tally.ask(|reply| Told::Expect(transfers, reply)).expect("all end");
            let took = began.elapsed();
            let total: i64 = addrs.iter().map(|account| account.ask(Order::Balance).expect("the account")).sum();
            assert_eq!(total, 0);
            drop(addrs);
            stop(&accounts);
            took
        })
    });
}
