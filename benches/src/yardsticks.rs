//! The generator package alone: what the portable context is made of, and what a switch is held against.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use generator::{Generator, Gn, Scope};

use crate::measure::{per_operation, time};

/// One generator, resumed again and again.
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

/// The same with a value both ways.
pub(crate) fn generator_send(name: &str) {
    per_operation(name, 1 << 16, |rounds| {
        let mut generator = Gn::<u64>::new_scoped(|mut scope| {
            let mut given = 0;
            loop {
                given = scope.yield_(given).unwrap_or(0);
            }
        });
        generator.send(0);
        time(|| {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += generator.send(1);
            }
            assert_eq!(sum, rounds as u64);
        })
    });
}

/// The same without values, behind two frames on either side.
pub(crate) fn generator_deep(name: &str) {
    #[inline(never)]
    fn resume(generator: &mut Generator<'_, (), ()>) -> u64 {
        resume_inner(generator) + 1
    }
    #[inline(never)]
    fn resume_inner(generator: &mut Generator<'_, (), ()>) -> u64 {
        u64::from(generator.resume().is_some())
    }
    #[inline(never)]
    fn suspend(scope: &mut Scope<'_, '_, (), ()>) -> u64 {
        suspend_inner(scope) + 1
    }
    #[inline(never)]
    fn suspend_inner(scope: &mut Scope<'_, '_, (), ()>) -> u64 {
        scope.yield_with(());
        1
    }
    per_operation(name, 1 << 16, |rounds| {
        let mut generator = Gn::<()>::new_scoped(|mut scope| {
            let mut sum = 0;
            loop {
                sum = std::hint::black_box(sum + suspend(&mut scope));
            }
        });
        generator.resume();
        time(|| {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += resume(&mut generator);
            }
            assert_eq!(sum, 2 * rounds as u64);
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
fn coroutine(stop: Arc<AtomicBool>) -> Generator<'static, (), ()> {
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
