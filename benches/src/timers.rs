//! Tasklets that all sleep.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{run, set_pool_capacity, set_pool_review, sleep, spawn};

use crate::lateness::{times, two_passes};

/// Tasklets that each sleep a pseudo-random time. The thread is told to keep its stacks, so that the second pass is warm: by itself it
/// keeps a thousand and gives the memory of the others back, which is most of the work then.
pub(crate) fn timers(name: &str, sleepers: usize) {
    set_pool_capacity(sleepers);
    set_pool_review(0);
    two_passes(name, || {
        let woken = Rc::new(Cell::new(0));
        for time in times(sleepers) {
            let woken = woken.clone();
            spawn(move || {
                sleep(time).expect("nothing forbids it");
                woken.set(woken.get() + 1);
            })
            .detach();
        }
        assert!(run().is_finished());
        assert_eq!(woken.get(), sleepers);
    });
}
