//! OS threads with the channels of crossbeam-channel, each task a thread of its own.

use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;

use crate::Workload;
use crate::measure::per_operation;

pub(crate) const WORKLOADS: &[Workload] = &[("pingpong-x", pingpong), ("buffered-x", buffered)];

/// Two threads, two rendezvous channels: one sends a number and receives it back.
fn pingpong(name: &str) {
    per_operation(name, 1 << 10, |messages| {
        let (there, inbox) = bounded(0);
        let (outbox, back) = bounded(0);
        let echo =
            thread::spawn(move || inbox.iter().for_each(|number: usize| outbox.send(number).expect("the pinger")));
        let start = Instant::now();
        for number in 0..messages / 2 {
            there.send(number).expect("the echo");
            assert_eq!(back.recv(), Ok(number));
        }
        let took = start.elapsed();
        drop(there);
        echo.join().expect("the echo");
        took
    });
}

/// One thread sends numbers over a channel of capacity 128, and another receives them.
fn buffered(name: &str) {
    per_operation(name, 1 << 14, |messages| {
        let (sender, receiver) = bounded(128);
        let start = Instant::now();
        let producer =
            thread::spawn(move || (0..messages).for_each(|number| sender.send(number).expect("the consumer")));
        for number in 0..messages {
            assert_eq!(receiver.recv(), Ok(number));
        }
        let took = start.elapsed();
        producer.join().expect("the producer");
        took
    });
}
