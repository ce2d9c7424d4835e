//! Work over rendezvous channels, on one thread.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{Channel, run, spawn};

use crate::measure::{per_operation, print, time};

/// Two tasklets, two channels: one sends a number and receives it back.
pub(crate) fn pingpong(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let (there, back) = (Channel::new(), Channel::new());
        let (inbox, outbox) = (there.clone(), back.clone());
        spawn(move || {
            for number in inbox {
                outbox.send(number).expect("the pinger");
            }
        });
        let right = Rc::new(Cell::new(0));
        let counted = right.clone();
        spawn(move || {
            for number in 0..messages / 2 {
                there.send(number).expect("the echo");
                counted.set(counted.get() + usize::from(back.receive().expect("the echo") == number));
            }
            there.shutdown();
        });
        let took = time(|| assert!(run().is_finished()));
        assert_eq!(right.get(), messages / 2);
        took
    });
}

/// A ring of tasklets; each adds one to the token and passes it on.
pub(crate) fn ring(name: &str) {
    const TASKLETS: usize = 503;
    per_operation(name, TASKLETS << 4, |hops| {
        let hops = hops / TASKLETS * TASKLETS;
        let channels: Vec<Channel<usize>> = (0..TASKLETS).map(|_| Channel::new()).collect();
        let last = Rc::new(Cell::new(0));
        for (number, inbox) in channels.iter().enumerate() {
            let (inbox, next, last) = (inbox.clone(), channels[(number + 1) % TASKLETS].clone(), last.clone());
            spawn(move || {
                while let Ok(token) = inbox.receive() {
                    if token == hops {
                        last.set(token);
                        next.close();
                        return;
                    }
                    if next.send(token + 1).is_err() {
                        return;
                    }
                }
            });
        }
        let took = time(|| {
            channels[0].send(0).expect("the first tasklet");
            run();
        });
        assert_eq!(last.get(), hops);
        drop(tasklets::kill_all());
        took
    });
}

/// A chain of filters, one for each prime.
pub(crate) fn sieve(name: &str) {
    const NTH: usize = 2_000;
    let prime = Rc::new(Cell::new(0u64));
    let found = prime.clone();
    let took = time(|| {
        let numbers = Channel::new();
        let source = numbers.clone();
        spawn(move || (2u64..).all(|number| source.send(number).is_ok()));
        spawn(move || {
            let mut inbox = numbers;
            for _ in 0..NTH {
                let prime = inbox.receive().expect("a number");
                found.set(prime);
                let outbox = Channel::new();
                let (numbers, passed) = (inbox, outbox.clone());
                spawn(move || {
                    while let Ok(number) = numbers.receive() {
                        if number % prime != 0 && passed.send(number).is_err() {
                            return;
                        }
                    }
                });
                inbox = outbox;
            }
            tasklets::main_tasklet().insert().expect("main");
            tasklets::schedule().expect("main");
        });
        run();
    });
    assert_eq!(prime.get(), 17_389);
    drop(tasklets::kill_all());
    print(name, took.as_secs_f64() * 1e3, "ms");
}

/// Many producers, one consumer, one channel.
pub(crate) fn fanin(name: &str) {
    const PRODUCERS: usize = 1_000;
    const MESSAGES: usize = 1_000_000;
    per_operation(name, MESSAGES, |messages| {
        let channel = Channel::new();
        for producer in 0..PRODUCERS {
            let channel = channel.clone();
            spawn(move || {
                for number in 0..messages / PRODUCERS {
                    channel.send(producer + number).expect("the consumer");
                }
            });
        }
        let sum = Rc::new(Cell::new(0));
        let total = sum.clone();
        spawn(move || {
            for _ in 0..messages / PRODUCERS * PRODUCERS {
                total.set(total.get() + channel.receive().expect("a producer"));
            }
        });
        let took = time(|| assert!(run().is_finished()));
        let each = messages / PRODUCERS;
        assert_eq!(sum.get(), each * PRODUCERS * (PRODUCERS - 1) / 2 + PRODUCERS * each * (each - 1) / 2);
        took
    });
}
