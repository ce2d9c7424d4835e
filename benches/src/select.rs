//! One consumer selects over four channels, each with a producer, on one thread.

use tasklets::{Channel, Receiver, Sender, rendezvous, run, select, spawn};

use crate::measure::{per_operation, time};

const PRODUCERS: usize = 4;

/// Over `Channel`.
pub(crate) fn local(name: &str) {
    per_operation(name, 1 << 16, |messages| {
        let channels: [Channel<usize>; PRODUCERS] = std::array::from_fn(|_| Channel::new());
        for channel in channels.clone() {
            spawn(move || (0..messages / PRODUCERS).for_each(|number| channel.send(number).expect("the consumer")));
        }
        let consumer = spawn(move || {
            let [a, b, c, d] = &channels;
            let mut next = [0; PRODUCERS];
            for _ in 0..messages / PRODUCERS * PRODUCERS {
                let (from, number) = select! {
                    recv(a) -> number => (0, number),
                    recv(b) -> number => (1, number),
                    recv(c) -> number => (2, number),
                    recv(d) -> number => (3, number),
                };
                assert_eq!(number.expect("a producer"), next[from]);
                next[from] += 1;
            }
            next
        });
        let took = time(|| assert!(run().is_finished()));
        assert_eq!(consumer.join().expect("the consumer"), [messages / PRODUCERS; PRODUCERS]);
        took
    });
}

/// Over `rendezvous()`.
pub(crate) fn shared(name: &str) {
    per_operation(name, 1 << 16, |messages| {
        let channels: [(Sender<usize>, Receiver<usize>); PRODUCERS] = std::array::from_fn(|_| rendezvous());
        // They stay until all is over: an arm whose senders are gone is ready.
        let (outboxes, inboxes) = (channels.each_ref().map(|(tx, _)| tx.clone()), channels.map(|(_, rx)| rx));
        for outbox in outboxes.clone() {
            spawn(move || (0..messages / PRODUCERS).for_each(|number| outbox.send(number).expect("the consumer")));
        }
        let consumer = spawn(move || {
            let [a, b, c, d] = &inboxes;
            let mut next = [0; PRODUCERS];
            for _ in 0..messages / PRODUCERS * PRODUCERS {
                let (from, number) = select! {
                    recv(a) -> number => (0, number),
                    recv(b) -> number => (1, number),
                    recv(c) -> number => (2, number),
                    recv(d) -> number => (3, number),
                };
                assert_eq!(number.expect("a producer"), next[from]);
                next[from] += 1;
            }
            next
        });
        let took = time(|| assert!(run().is_finished()));
        assert_eq!(consumer.join().expect("the consumer"), [messages / PRODUCERS; PRODUCERS]);
        took
    });
}
