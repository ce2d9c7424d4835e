//! corosensei's coroutines, used from as deep as tasklets are.

use std::cell::Cell;
use std::rc::Rc;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::measure::{per_operation, time};
use crate::stacks::{Slot, slots};

type Plain = Coroutine<(), (), (), Slot>;

/// One coroutine: resume it until it suspends, behind two frames on either side, as it is in a user's code that is two calls
/// deep. The counterpart of the workload `raw-deep`.
pub(crate) fn raw(name: &str) {
    #[inline(never)]
    fn resume(coroutine: &mut Plain) -> u64 {
        resume_inner(coroutine) + 1
    }
    #[inline(never)]
    fn resume_inner(coroutine: &mut Plain) -> u64 {
        let back: CoroutineResult<(), ()> = coroutine.resume(());
        u64::from(matches!(back, CoroutineResult::Yield(())))
    }
    #[inline(never)]
    fn suspend(yielder: &Yielder<(), ()>) -> u64 {
        suspend_inner(yielder) + 1
    }
    #[inline(never)]
    fn suspend_inner(yielder: &Yielder<(), ()>) -> u64 {
        yielder.suspend(());
        1
    }
    per_operation(name, 1 << 16, |rounds| {
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        let stack = slots(1).next().expect("a stack");
        let mut coroutine = Plain::with_stack(stack, move |yielder, ()| {
            loop {
                counted.set(counted.get() + suspend(yielder));
            }
        });
        resume(&mut coroutine);
        let took = time(|| {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += resume(&mut coroutine);
            }
            assert_eq!(sum, 2 * rounds as u64);
        });
        assert_eq!(count.get(), 2 * rounds as u64);
        // It never returns of itself, and would be unwound.
        coroutine.force_unwind();
        took
    });
}

/// Unwinds coroutines that are suspended as deep as a tasklet is that waits on a channel. The counterpart of the workload
/// `kill`.
pub(crate) fn unwind(name: &str) {
    const BATCH: usize = 1_000;
    per_operation(name, BATCH, |coroutines| {
        let held = Rc::new(());
        let mut took = std::time::Duration::ZERO;
        for _ in 0..coroutines / BATCH {
            let suspended = slots(BATCH).map(|stack| {
                let held = held.clone();
                let mut coroutine = Plain::with_stack(stack, move |yielder, ()| {
                    // As a tasklet's closure holds its channel.
                    let _held = held;
                    wait(yielder);
                });
                assert!(coroutine.resume(()).as_yield().is_some());
                coroutine
            });
            let mut suspended: Vec<_> = suspended.collect();
            assert_eq!(Rc::strong_count(&held), BATCH + 1);
            took += time(|| {
                for coroutine in &mut suspended {
                    coroutine.force_unwind();
                }
            });
            assert_eq!(Rc::strong_count(&held), 1);
            assert!(suspended.iter().all(Coroutine::done));
        }
        took
    });
}

/// With this one, as many frames are between what raises and what catches as there are for a tasklet in `Channel::receive`:
/// there, what raises is a function of its own, and here corosensei's closure around the body is.
#[inline(never)]
fn wait(yielder: &Yielder<(), ()>) -> u64 {
    let clean = Clean;
    yielder.suspend(());
    clean.one()
}

/// Has a destructor that does next to nothing and is not optimized away.
struct Clean;

impl Clean {
    fn one(&self) -> u64 {
        1
    }
}

impl Drop for Clean {
    fn drop(&mut self) {
        std::hint::black_box(());
    }
}
