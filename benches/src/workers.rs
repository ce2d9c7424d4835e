//! Work on a runtime of two threads, which places the tasklets.

use std::time::{Duration, Instant};

use tasklets::{Receiver, Runtime, Sender, bounded, rendezvous, spawn_anywhere};

use crate::measure::{per_operation, print};
use crate::tree::{CHILDREN, LEAVES};

fn runtime() -> Runtime {
    Runtime::builder().threads(2).build().expect("a runtime")
}

/// Two tasklets, two rendezvous channels: one sends a number and receives it back.
pub(crate) fn pingpong(name: &str) {
    let runtime = runtime();
    per_operation(name, 1 << 12, |messages| {
        let ((there, inbox), (outbox, back)) = (rendezvous(), rendezvous());
        let echo =
            runtime.spawn(move || inbox.iter().for_each(|number: usize| outbox.send(number).expect("the pinger")));
        let took = runtime.run(move || {
            let start = Instant::now();
            for number in 0..messages / 2 {
                there.send(number).expect("the echo");
                assert_eq!(back.recv().expect("the echo"), number);
            }
            start.elapsed()
        });
        echo.expect("a runtime that takes work").join().expect("the echo");
        took.expect("the pinger")
    });
    assert!(runtime.shutdown().is_clean());
}

/// One producer, one consumer, a buffer of 128 between them.
pub(crate) fn buffered(name: &str) {
    let runtime = runtime();
    per_operation(name, 1 << 14, |messages| {
        let (tx, rx) = bounded(128);
        let start = Instant::now();
        let producer = runtime.spawn(move || (0..messages).for_each(|number| tx.send(number).expect("the consumer")));
        let took = runtime.run(move || -> Duration {
            assert!(rx.iter().eq(0..messages));
            start.elapsed()
        });
        producer.expect("a runtime that takes work").join().expect("the producer");
        took.expect("the consumer")
    });
    assert!(runtime.shutdown().is_clean());
}

/// A tree of tasklets that any of the threads takes up. Cold, one pass, over channels of a capacity.
pub(crate) fn skynet(name: &str, threads: usize, capacity: usize) {
    let runtime = Runtime::builder().threads(threads).build().expect("a runtime");
    let took = runtime.run(move || {
        let start = Instant::now();
        let (up, root) = channel(capacity);
        spawn_node(up, 0, LEAVES, capacity);
        assert_eq!(root.recv().expect("the root"), LEAVES * (LEAVES - 1) / 2);
        start.elapsed()
    });
    print(name, took.expect("the root").as_secs_f64() * 1e3, "ms");
    assert!(runtime.shutdown().is_clean());
}

fn channel(capacity: usize) -> (Sender<usize>, Receiver<usize>) {
    if capacity == 0 { rendezvous() } else { bounded(capacity) }
}

fn spawn_node(up: Sender<usize>, first: usize, leaves: usize, capacity: usize) {
    let node = move || {
        if leaves == 1 {
            return up.send(first).expect("the parent");
        }
        let (child, here) = channel(capacity);
        let each = leaves / CHILDREN;
        (0..CHILDREN).for_each(|number| spawn_node(child.clone(), first + number * each, each, capacity));
        let sum = (0..CHILDREN).map(|_| here.recv().expect("a child")).sum();
        up.send(sum).expect("the parent");
    };
    drop(spawn_anywhere(node).expect("a runtime that takes work"));
}
