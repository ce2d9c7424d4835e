//! The smallest scheduler of coroutines there is: a deque that resumes the first and puts it last.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::measure::per_operation;
use crate::stacks::{Slot, slots};

/// Yields so often. A function of its own, as that of tasklets.
#[inline(never)]
fn turns(each: usize, yielder: &Yielder<(), ()>, done: &Cell<usize>) {
    for _ in 0..each {
        yielder.suspend(());
        done.set(done.get() + 1);
    }
}

/// Coroutines that yield in turn, timed once all have started and until the first one ends.
pub(crate) fn yields(name: &str, coroutines: usize) {
    per_operation(name, coroutines << 6, |yields| {
        let each = yields / coroutines;
        let done = Rc::new(Cell::new(0));
        let took: Rc<Cell<Option<Duration>>> = Rc::default();
        let coroutine = |(number, stack)| {
            let (done, took) = (done.clone(), took.clone());
            Coroutine::<(), (), (), Slot>::with_stack(stack, move |yielder, ()| {
                yielder.suspend(());
                let start = Instant::now();
                turns(each, yielder, &done);
                if number == 0 {
                    took.set(Some(start.elapsed()));
                }
            })
        };
        let mut ring: VecDeque<_> = slots(coroutines).enumerate().map(coroutine).collect();
        for coroutine in &mut ring {
            assert!(coroutine.resume(()).as_yield().is_some());
        }
        while let Some(mut coroutine) = ring.pop_front() {
            if let CoroutineResult::Yield(()) = coroutine.resume(()) {
                ring.push_back(coroutine);
            }
        }
        assert_eq!(done.get(), each * coroutines);
        took.get().expect("the first one sets it")
    });
}
