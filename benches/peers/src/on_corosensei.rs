//! corosensei: stacks that are switched by hand, with neither a scheduler nor channels.

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};

use crate::Workload;
use crate::measure::{per_operation, time};
use crate::resident::Before;

pub(crate) const WORKLOADS: &[Workload] = &[("raw", raw), ("live10k", |name| live(name, 10_000))];

/// The stack that tasklets has; corosensei's own default is 1 MiB, of which only what is touched is resident.
const STACK: usize = 64 << 10;

/// One coroutine: resume it until it suspends.
fn raw(name: &str) {
    per_operation(name, 1 << 16, |rounds| {
        let mut coroutine = Coroutine::<(), u64, ()>::new(|yielder, ()| {
            loop {
                yielder.suspend(1);
            }
        });
        let took = time(|| {
            let mut sum = 0;
            for _ in 0..rounds {
                if let CoroutineResult::Yield(one) = coroutine.resume(()) {
                    sum += one;
                }
            }
            assert_eq!(sum, rounds as u64);
        });
        // It never returns of itself, and would be unwound.
        coroutine.force_unwind();
        took
    });
}

/// Coroutines that are each started and suspended: there is no channel to block on.
fn live(name: &str, coroutines: usize) {
    let before = Before::now();
    let mut all = Vec::with_capacity(coroutines);
    for _ in 0..coroutines {
        let stack = DefaultStack::new(STACK).expect("a stack");
        let mut coroutine = Coroutine::<(), (), (), _>::with_stack(stack, |yielder, ()| yielder.suspend(()));
        assert!(coroutine.resume(()).as_yield().is_some());
        all.push(coroutine);
    }
    before.after().print(name, coroutines);
    for coroutine in &mut all {
        assert!(coroutine.resume(()).as_return().is_some());
    }
}
