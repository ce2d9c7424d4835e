//! What tasklets cost that do nothing.

use tasklets::{Channel, run, spawn};

use crate::resident::Before;

/// Tasklets that are each started and blocked on one channel. Cold, one pass.
pub(crate) fn live(name: &str, tasklets: usize) {
    let channel = Channel::<()>::new();
    let before = Before::now();
    for _ in 0..tasklets {
        let channel = channel.clone();
        spawn(move || channel.receive().expect("its release"));
    }
    let outcome = run();
    let growth = before.after();
    assert_eq!(channel.balance(), -(tasklets as isize), "not all have got a stack: {:?}", outcome.report().shortage);
    growth.print(name, tasklets);
    for _ in 0..tasklets {
        channel.send(()).expect("a blocked tasklet");
    }
    assert!(run().is_finished());
}

/// A million tasklets that were spawned and have not begun.
pub(crate) fn unstarted(name: &str) {
    const TASKLETS: usize = 1_000_000;
    let before = Before::now();
    for _ in 0..TASKLETS {
        spawn(|| ());
    }
    before.after().print(name, TASKLETS);
    assert!(run().is_finished());
}
