//! Values that cross threads while those who wait for them are cancelled, or have limits of time: what was sent has arrived, once, and
//! nothing else has, as each side was told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tasklets::sync::{Mutex, Semaphore};
use tasklets::{Receiver, Sender, bounded, rendezvous, schedule, select, sleep, spawn, timeout, unbounded};

use crate::common::{checked, scale};

const MS: Duration = Duration::from_millis(1);

/// What happened on one side: how many values, and their sum.
#[derive(Default)]
struct Ledger {
    count: AtomicU64,
    sum: AtomicU64,
}

impl Ledger {
    fn note(&self, value: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64) {
        (self.count.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed))
    }
}

/// Interrupts whoever runs `f`, at moments that depend on what the machine does.
fn harassed(round: u64, f: impl Fn() + Clone + 'static) {
    match round % 3 {
        0 => _ = timeout(Duration::from_micros(round * 7 % 150), &f),
        1 => {
            let t = spawn(f);
            (0..round % 4).for_each(|_| schedule().unwrap());
            sleep(Duration::from_micros(round * 11 % 120)).unwrap();
            t.cancel();
            _ = t.join();
        }
        _ => {
            let t = spawn(f);
            schedule().unwrap();
            let remote = t.remote();
            let _ = remote.cancel();
            _ = t.join_timeout(MS * 1000);
        }
    }
}

fn senders(tx: &Sender<u64>, sent: &Arc<Ledger>, rounds: u64) {
    for round in 0..rounds {
        let (tx, sent) = (tx.clone(), sent.clone());
        harassed(round, move || {
            if tx.send(round).is_ok() {
                sent.note(round);
            }
        });
    }
}

fn receivers(rx: &Receiver<u64>, received: &Arc<Ledger>, over: &AtomicBool, selects: bool) {
    let (never, nothing) = unbounded::<u64>();
    let mut round = 1;
    while !over.load(Ordering::Acquire) {
        round += 1;
        let (rx, received, nothing) = (rx.clone(), received.clone(), nothing.clone());
        harassed(round, move || {
            let value = match selects {
                false => rx.recv(),
                true => select! {
                    recv(rx) -> value => value,
                    recv(nothing) -> value => value,
                },
            };
            if let Ok(value) = value {
                received.note(value);
            }
        });
    }
    drop(never);
}

fn storm(make: fn() -> (Sender<u64>, Receiver<u64>), selects: bool) {
    checked(move || {
        let (tx, rx) = make();
        let (sent, received, over) = (Arc::<Ledger>::default(), Arc::<Ledger>::default(), AtomicBool::new(false));
        let rounds = scale(400) as u64;
        std::thread::scope(|threads| {
            let there = threads.spawn(|| tasklets::enter(|| receivers(&rx, &received, &over, selects)));
            senders(&tx, &sent, rounds);
            over.store(true, Ordering::Release);
            there.join().unwrap();
        });
        while let Ok(value) = rx.try_recv() {
            received.note(value);
        }
        assert_eq!(received.read(), sent.read(), "received, and sent");
    });
}

#[test]
fn of_a_rendezvous() {
    storm(rendezvous, false);
    storm(rendezvous, true);
}

#[test]
fn of_a_buffer() {
    storm(|| bounded(1), false);
    storm(|| bounded(1), true);
}

#[test]
fn of_a_channel_without_bounds() {
    storm(unbounded, false);
}

/// Whoever was told that it has the lock has changed the value, and nobody else has.
#[test]
fn of_locks() {
    checked(|| {
        let (mutex, permits) = (Arc::new(Mutex::new(0_u64)), Arc::new(Semaphore::new(1)));
        let (held, rounds) = (Arc::new(AtomicU64::new(0)), scale(300) as u64);
        let storm = |mutex: Arc<Mutex<u64>>, permits: Arc<Semaphore>, held: Arc<AtomicU64>| {
            for round in 0..rounds {
                let (mutex, permits, held) = (mutex.clone(), permits.clone(), held.clone());
                harassed(round, move || {
                    let _permit = permits.acquire().unwrap();
                    let mut guard = mutex.lock().unwrap();
                    *guard += 1;
                    held.fetch_add(1, Ordering::Relaxed);
                    let _ = schedule();
                });
            }
        };
        std::thread::scope(|threads| {
            let theirs = (mutex.clone(), permits.clone(), held.clone());
            let there = threads.spawn(|| tasklets::enter(|| storm(theirs.0, theirs.1, theirs.2)));
            storm(mutex.clone(), permits.clone(), held.clone());
            there.join().unwrap();
        });
        assert_eq!(*mutex.try_lock().unwrap(), held.load(Ordering::Relaxed));
        assert_eq!(permits.available_permits(), 1);
    });
}
