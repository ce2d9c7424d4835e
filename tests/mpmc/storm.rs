//! Many messages among many tasklets of two threads, with kills and deadlines mixed in. At full length (ten million messages) it
//! runs with `TEST_SCALE=50`, best in a release build.

use std::sync::Arc;

use tasklets::{Receiver, Sender, Tasklet, schedule, sleep, spawn};

use crate::common::{checked, scale};
use crate::ledger::Ledger;
use crate::orders::seeded;
use crate::support::{Census, Counted, Home, MS, job, make};

const TASKLETS: usize = 25;

/// Sends until there are no more values, and now and then gives up.
fn produce(tx: &Sender<Counted>, ledger: &Ledger, census: &Census, seed: u64) {
    let mut random = seeded(seed);
    while let Some(number) = ledger.number() {
        let value = census.value(number);
        let result = match random.below(16) {
            0 => tx.try_send(value),
            1 => tx.send_timeout(value, MS / 50),
            _ => tx.send(value),
        };
        match result {
            Ok(()) => ledger.sent(number),
            Err(error) => ledger.came_back(error.into_value().number),
        }
    }
}

fn consume(rx: &Receiver<Counted>, ledger: &Ledger, seed: u64) {
    let mut random = seeded(seed);
    loop {
        let result = match random.below(16) {
            0 => rx.try_recv(),
            1 => rx.recv_timeout(MS / 50),
            _ => rx.recv(),
        };
        match result {
            Ok(value) => ledger.received(value.number),
            Err(error) if error.is_disconnected() => return,
            Err(_) => schedule().unwrap(),
        }
    }
}

/// The tasklets of one thread, of which one after the other is killed and replaced.
fn half(ends: (Sender<Counted>, Receiver<Counted>), books: (Arc<Ledger>, Census), seed: u64) {
    let (tx, rx) = ends;
    let (ledger, census) = books;
    let mut random = seeded(seed);
    let producer = |seed: u64| {
        let (tx, ledger, census) = (tx.clone(), ledger.clone(), census.clone());
        spawn(move || produce(&tx, &ledger, &census, seed))
    };
    let consumer = |seed: u64| {
        let (rx, ledger) = (rx.clone(), ledger.clone());
        spawn(move || consume(&rx, &ledger, seed))
    };
    let mut producers: Vec<Tasklet<()>> = (0..TASKLETS as u64).map(|n| producer(seed + n)).collect();
    let mut consumers: Vec<Tasklet<()>> = (0..TASKLETS as u64).map(|n| consumer(seed + 1_000 + n)).collect();
    while producers.iter().any(|tasklet| tasklet.is_alive()) {
        sleep(MS / 10).unwrap();
        let place = random.below(TASKLETS);
        if random.below(2) == 0 {
            consumers[place].kill().unwrap();
            consumers[place] = consumer(random.below(1 << 30) as u64);
        } else if producers[place].is_alive() {
            producers[place].kill().unwrap();
            producers[place] = producer(random.below(1 << 30) as u64);
        }
    }
    drop((tx, rx));
    consumers.into_iter().for_each(|consumer| drop(consumer.join()));
}

#[test]
fn ten_million_messages_of_two_threads_lose_and_duplicate_none() {
    checked(|| {
        for kind in [Some(0), Some(1), Some(64), None] {
            let messages = scale(50_000);
            let (ledger, census) = (Arc::new(Ledger::new(messages)), Census::default());
            let (tx, rx) = make::<Counted>(kind);
            let halves = [1_u64, 2].map(|seed| {
                let (ends, books) = ((tx.clone(), rx.clone()), (ledger.clone(), census.clone()));
                job(move || half(ends, books, seed << 40))
            });
            drop((tx, rx));
            Home::Tasklets.run(halves.into());
            let received = ledger.balance(&format!("{kind:?}"));
            assert!(received > messages / 2, "{received} of {messages}");
            assert_eq!((census.alive(), census.dropped()), (0, messages));
        }
    });
}
