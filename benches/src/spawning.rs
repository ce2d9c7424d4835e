//! Making tasklets and ending them.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{Channel, run, schedule, spawn};

use crate::measure::{per_operation, time};

/// Spawn a trivial tasklet and join it, one after the other.
pub(crate) fn spawn_join(name: &str) {
    per_operation(name, 1 << 14, |tasklets| {
        time(|| {
            let sum: usize = (0..tasklets).map(|number| spawn(move || number).join().expect("a result")).sum();
            assert_eq!(sum, tasklets * (tasklets - 1) / 2);
        })
    });
}

/// Spawn a trivial tasklet, keep no handle, and let it run.
pub(crate) fn spawn_reuse(name: &str) {
    per_operation(name, 1 << 14, |tasklets| {
        let count = Rc::new(Cell::new(0));
        let took = time(|| {
            for _ in 0..tasklets {
                let count = count.clone();
                spawn(move || count.set(count.get() + 1));
                schedule().expect("a switch");
            }
        });
        assert_eq!(count.get(), tasklets);
        took
    });
}

/// Spawn a thousand, let all finish, again and again.
pub(crate) fn spawn_batch(name: &str) {
    const BATCH: usize = 1_000;
    per_operation(name, BATCH << 4, |tasklets| {
        let count = Rc::new(Cell::new(0));
        let took = time(|| {
            for _ in 0..tasklets / BATCH {
                for _ in 0..BATCH {
                    let count = count.clone();
                    spawn(move || count.set(count.get() + 1));
                }
                run();
            }
        });
        assert_eq!(count.get(), tasklets / BATCH * BATCH);
        took
    });
}

/// Kill a started, blocked tasklet and let it end.
pub(crate) fn kill(name: &str) {
    const BATCH: usize = 1_000;
    per_operation(name, BATCH, |tasklets| {
        let mut took = std::time::Duration::ZERO;
        for _ in 0..tasklets / BATCH {
            let channel = Channel::<()>::new();
            let blocked: Vec<_> = (0..BATCH)
                .map(|_| {
                    let channel = channel.clone();
                    spawn(move || channel.receive().map(drop))
                })
                .collect();
            run();
            assert_eq!(channel.balance(), -(BATCH as isize));
            took += time(|| {
                for tasklet in &blocked {
                    tasklet.kill().expect("a tasklet that can be killed");
                }
            });
            assert_eq!(channel.balance(), 0);
            assert!(blocked.iter().all(|tasklet| !tasklet.is_alive()));
        }
        took
    });
}
