//! Switches without channels.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use generator::Gn;
use greenlet::{Greenlet, main};
use tasklets::{run, schedule, spawn};

use crate::measure::{per_operation, time};

/// The yardstick: one generator, resumed again and again.
pub(crate) fn generator(name: &str) {
    per_operation(name, 1 << 16, |rounds| {
        let mut generator = Gn::<()>::new_scoped(|mut scope| {
            loop {
                scope.yield_with(1u64);
            }
        });
        assert_eq!(generator.resume(), Some(1));
        time(|| {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += generator.resume().unwrap_or(0);
            }
            assert_eq!(sum, rounds as u64);
        })
    });
}

/// Suspends the running coroutine as the portable context does: from one function that is not inlined.
#[inline(never)]
fn suspend() {
    generator::co_yield_with(());
}

/// The floor under the portable context: coroutines of the generator package that are resumed in turn and do nothing.
pub(crate) fn coroutines(name: &str, coroutines: usize) {
    per_operation(name, coroutines << 6, |resumes| {
        let stop = Arc::new(AtomicBool::new(false));
        let mut all: Vec<_> = (0..coroutines).map(|_| coroutine(stop.clone())).collect();
        let took = time(|| {
            for _ in 0..resumes / coroutines {
                for coroutine in &mut all {
                    coroutine.resume();
                }
            }
        });
        stop.store(true, Ordering::Relaxed);
        for coroutine in &mut all {
            coroutine.resume();
            assert!(coroutine.is_done());
        }
        took
    });
}

/// A coroutine that suspends until it is told to stop.
fn coroutine(stop: Arc<AtomicBool>) -> generator::Generator<'static, (), ()> {
    let body = move || {
        while !stop.load(Ordering::Relaxed) {
            suspend();
        }
    };
    let mut coroutine = Gn::<()>::new_opt(8192, body);
    // What makes it a coroutine, which alone can suspend from any depth.
    coroutine.set_local_data(std::ptr::without_provenance_mut(1));
    coroutine.resume();
    coroutine
}

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

/// Tasklets that yield in turn, timed once all have started.
pub(crate) fn yields(name: &str, tasklets: usize) {
    per_operation(name, tasklets << 6, |yields| {
        let each = yields / tasklets;
        let started: Rc<Cell<Option<Instant>>> = Rc::default();
        let done = Rc::new(Cell::new(0));
        for number in 0..tasklets {
            let (started, done) = (started.clone(), done.clone());
            spawn(move || {
                schedule().expect("a switch");
                if number == 0 {
                    started.set(Some(Instant::now()));
                }
                for _ in 0..each {
                    schedule().expect("a switch");
                    done.set(done.get() + 1);
                }
            });
        }
        assert!(run().is_finished());
        assert_eq!(done.get(), each * tasklets);
        started.get().expect("a start").elapsed()
    });
}
