//! Switches without channels.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::{Greenlet, Received, SwitchError, main};
use tasklets::{run, schedule, spawn};

use crate::measure::{per_operation, time};

/// One greenlet: switch to it and back.
pub(crate) fn raw(name: &str) {
    per_operation(name, 1 << 16, |rounds| {
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        let greenlet = Greenlet::new(move |()| {
            let back = main::<()>();
            loop {
                counted.set(counted.get() + 1);
                if back.switch(()).is_err() {
                    return;
                }
            }
        });
        let took = time(|| {
            for _ in 0..rounds {
                greenlet.switch(()).expect("a switch");
            }
        });
        assert_eq!(count.get(), rounds);
        greenlet.kill().expect("its end");
        took
    });
}

/// The same behind two frames on either side, as it is in a user's code that is two calls deep.
pub(crate) fn raw_deep(name: &str) {
    #[inline(never)]
    fn outer(to: &Greenlet<()>) -> u64 {
        inner(to) + 1
    }
    #[inline(never)]
    fn inner(to: &Greenlet<()>) -> u64 {
        let back: Result<Received<()>, SwitchError<()>> = to.switch(());
        u64::from(back.is_ok())
    }
    per_operation(name, 1 << 16, |rounds| {
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        let greenlet = Greenlet::new(move |()| {
            let back = main::<()>();
            loop {
                counted.set(counted.get() + outer(&back));
            }
        });
        greenlet.switch(()).expect("a switch");
        let took = time(|| {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += outer(&greenlet);
            }
            assert_eq!(sum, 2 * rounds as u64);
        });
        assert_eq!(count.get(), 2 * rounds as u64);
        greenlet.kill().expect("its end");
        took
    });
}

/// Yields so often. A function of its own, so that what it needs is together on the stack, whatever else the tasklet has there.
#[inline(never)]
fn turns(each: usize, done: &Cell<usize>) {
    for _ in 0..each {
        schedule().expect("a switch");
        done.set(done.get() + 1);
    }
}

/// Tasklets that yield in turn, timed once all have started and until the first one ends: what it takes to yield so often is what all
/// take, and how they end is no part of it.
pub(crate) fn yields(name: &str, tasklets: usize) {
    per_operation(name, tasklets << 6, |yields| {
        let each = yields / tasklets;
        let took: Rc<Cell<Option<Duration>>> = Rc::default();
        let (begun, done) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        for number in 0..tasklets {
            let (took, begun, done) = (took.clone(), begun.clone(), done.clone());
            spawn(move || {
                begun.set(begun.get() + 1);
                schedule().expect("a switch");
                let start = Instant::now();
                turns(each, &done);
                if number == 0 {
                    assert_eq!(begun.get(), tasklets, "not all have got a stack");
                    took.set(Some(start.elapsed()));
                }
            });
        }
        assert!(run().is_finished());
        assert_eq!(done.get(), each * tasklets);
        took.get().expect("the first one sets it")
    });
}
