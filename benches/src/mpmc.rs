//! Work over channels whose ends any thread may hold.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use tasklets::{Receiver, Sender, bounded, rendezvous, run, schedule, spawn, sync::Mutex, unbounded};

use crate::measure::{per_operation, print, time};

/// Two tasklets of one thread, two channels: one sends a number and receives it back.
pub(crate) fn pingpong(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let ((there, inbox), (outbox, back)) = (rendezvous(), rendezvous());
        spawn(move || echo(inbox, outbox));
        let right = Rc::new(Cell::new(0));
        let counted = right.clone();
        spawn(move || counted.set(ask(there, back, messages / 2)));
        let took = time(|| assert!(run().is_finished()));
        assert_eq!(right.get(), messages / 2);
        took
    });
}

fn echo(inbox: Receiver<usize>, outbox: Sender<usize>) {
    for number in inbox {
        outbox.send(number).expect("the pinger");
    }
}

/// How many came back as they should.
fn ask(there: Sender<usize>, back: Receiver<usize>, rounds: usize) -> usize {
    let mut right = 0;
    for number in 0..rounds {
        there.send(number).expect("the echo");
        right += usize::from(back.recv().expect("the echo") == number);
    }
    right
}

/// The same between two threads.
pub(crate) fn pingpong_x(name: &str) {
    per_operation(name, 1 << 10, |messages| {
        let ((there, inbox), (outbox, back)) = (rendezvous(), rendezvous());
        on_two_threads(move || echo(inbox, outbox), move || assert_eq!(ask(there, back, messages / 2), messages / 2))
    });
}

/// Runs both, one on a thread of its own; how long they took from when both were there.
fn on_two_threads(theirs: impl FnOnce() + Send + 'static, ours: impl FnOnce()) -> Duration {
    let start = Arc::new(Barrier::new(2));
    let ready = start.clone();
    let thread = std::thread::spawn(move || {
        tasklets::enter(|| {
            ready.wait();
            theirs();
        });
        Instant::now()
    });
    start.wait();
    let began = Instant::now();
    ours();
    thread.join().expect("the other end").duration_since(began)
}

/// A ring of tasklets; each adds one to the token and passes it on.
pub(crate) fn ring(name: &str) {
    const TASKLETS: usize = 503;
    per_operation(name, TASKLETS << 4, |hops| {
        let hops = hops / TASKLETS * TASKLETS;
        let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..TASKLETS).map(|_| rendezvous()).unzip();
        let last = Rc::new(Cell::new(0));
        let first: Sender<usize> = senders[0].clone();
        senders.rotate_left(1);
        for (inbox, next) in receivers.into_iter().zip(senders) {
            let last = last.clone();
            spawn(move || {
                for token in inbox {
                    if token == hops {
                        last.set(token);
                        return;
                    }
                    if next.send(token + 1).is_err() {
                        return;
                    }
                }
            });
        }
        let took = time(|| {
            first.send(0).expect("the first tasklet");
            drop(first);
            run();
        });
        assert_eq!(last.get(), hops);
        took
    });
}

/// A chain of filters, one for each prime.
pub(crate) fn sieve(name: &str) {
    const NTH: usize = 2_000;
    let prime = Rc::new(Cell::new(0u64));
    let found = prime.clone();
    let took = time(|| {
        let (source, mut inbox) = rendezvous();
        spawn(move || (2u64..).all(|number| source.send(number).is_ok()));
        spawn(move || {
            for _ in 0..NTH {
                let prime = inbox.recv().expect("a number");
                found.set(prime);
                let (passed, outbox) = rendezvous();
                let numbers = std::mem::replace(&mut inbox, outbox);
                spawn(move || {
                    while let Ok(number) = numbers.recv() {
                        if number % prime != 0 && passed.send(number).is_err() {
                            return;
                        }
                    }
                });
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
    per_operation(name, 1_000_000, |messages| {
        let (tx, rx) = rendezvous();
        for producer in 0..PRODUCERS {
            let tx = tx.clone();
            spawn(move || {
                for number in 0..messages / PRODUCERS {
                    tx.send(producer + number).expect("the consumer");
                }
            });
        }
        drop(tx);
        let sum = Rc::new(Cell::new(0));
        let total = sum.clone();
        spawn(move || total.set(rx.iter().sum()));
        let took = time(|| assert!(run().is_finished()));
        let each = messages / PRODUCERS;
        assert_eq!(sum.get(), each * PRODUCERS * (PRODUCERS - 1) / 2 + PRODUCERS * each * (each - 1) / 2);
        took
    });
}

/// One producer, one consumer, one thread, a buffer between them.
pub(crate) fn buffered(name: &str) {
    buffered_on(name, || bounded(128));
}

/// The same without a bound: the producer has ended before the consumer begins.
pub(crate) fn buffered_unbounded(name: &str) {
    buffered_on(name, unbounded);
}

fn buffered_on(name: &str, make: impl Fn() -> (Sender<usize>, Receiver<usize>)) {
    per_operation(name, 1 << 14, |messages| {
        let (tx, rx) = make();
        spawn(move || produce(tx, messages));
        let right = Rc::new(Cell::new(false));
        let checked = right.clone();
        spawn(move || checked.set(rx.iter().eq(0..messages)));
        let took = time(|| assert!(run().is_finished()));
        assert!(right.get());
        took
    });
}

fn produce(tx: Sender<usize>, messages: usize) {
    for number in 0..messages {
        tx.send(number).expect("the consumer");
    }
}

/// One producer, one consumer, a thread each, a buffer between them.
pub(crate) fn buffered_x(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let (tx, rx) = bounded(128);
        on_two_threads(move || produce(tx, messages), move || assert!(rx.iter().eq(0..messages)))
    });
}

/// The same over crossbeam-channel: the yardstick.
pub(crate) fn crossbeam_x(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let (tx, rx) = crossbeam_channel::bounded(128);
        let theirs = move || (0..messages).for_each(|number| tx.send(number).expect("the consumer"));
        on_two_threads(theirs, move || assert!(rx.iter().eq(0..messages)))
    });
}

/// Tasklets of one thread take one lock in turn, and yield while they hold it.
pub(crate) fn mutex(name: &str) {
    const TASKLETS: usize = 8;
    per_operation(name, 1 << 13, |locks| {
        let lock = Arc::new(Mutex::new(0));
        for _ in 0..TASKLETS {
            let lock = lock.clone();
            spawn(move || {
                for _ in 0..locks / TASKLETS {
                    let mut count = lock.lock().expect("no poison");
                    let before = *count;
                    schedule().expect("a switch");
                    *count = before + 1;
                }
            });
        }
        let took = time(|| assert!(run().is_finished()));
        assert_eq!(*lock.lock().expect("no poison"), locks / TASKLETS * TASKLETS);
        took
    });
}
