//! The smallest scheduler of coroutines there is: a deque that resumes the first and puts it last.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use corosensei::{Coroutine, CoroutineResult};

use crate::measure::per_operation;
use crate::stacks::{Slot, slots};

/// Coroutines that yield in turn, timed once all have started.
pub(crate) fn yields(name: &str, coroutines: usize) {
    per_operation(name, coroutines << 6, |yields| {
        let each = yields / coroutines;
        let done = Rc::new(Cell::new(0));
        let coroutine = |stack| {
            let done = done.clone();
            Coroutine::<(), (), (), Slot>::with_stack(stack, move |yielder, ()| {
                yielder.suspend(());
                for _ in 0..each {
                    yielder.suspend(());
                    done.set(done.get() + 1);
                }
            })
        };
        let mut ring: VecDeque<_> = slots(coroutines).map(coroutine).collect();
        for coroutine in &mut ring {
            assert!(coroutine.resume(()).as_yield().is_some());
        }
        let start = Instant::now();
        while let Some(mut coroutine) = ring.pop_front() {
            if let CoroutineResult::Yield(()) = coroutine.resume(()) {
                ring.push_back(coroutine);
            }
        }
        let took = start.elapsed();
        assert_eq!(done.get(), each * coroutines);
        took
    });
}
