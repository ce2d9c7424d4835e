//! Tasklets that all sleep.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{run, sleep, spawn, stack_memory};

use crate::lateness::{times, two_passes};

/// Tasklets that each sleep a pseudo-random time. The second pass finds the stacks of the first, as far as they are kept.
pub(crate) fn timers(name: &str, sleepers: usize) {
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
    if std::env::var_os("VERBOSE").is_some() {
        eprintln!("{:?}", stack_memory());
    }
}
