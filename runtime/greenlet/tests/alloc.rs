//! Switching allocates nothing once it is warm. In a binary of its own, because it counts allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use greenlet::{Greenlet, enter, main};

struct Counting;

thread_local! {
    /// Those of this thread: that of the harness may be slow to go to sleep. It needs no allocation and no destructor itself.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator; the counter is the thread's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; `alloc` got it from there.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// One test, so that no other thread of the harness allocates meanwhile.
#[test]
fn switching_allocates_nothing() {
    enter(|| {
        let echo = Greenlet::new(|first: [u64; 8]| {
            let mut value = first;
            loop {
                value = main().switch(value).unwrap().unwrap();
            }
        });
        let forward = Greenlet::new({
            let echo = echo.clone();
            move |first: [u64; 8]| {
                let mut value = first;
                loop {
                    value = echo.switch(value).unwrap().unwrap();
                }
            }
        });
        let round = |n: u64| {
            assert_eq!(echo.switch([n; 8]).unwrap().unwrap(), [n; 8]);
            // `echo` answers main: `forward` waits for it.
            assert_eq!(forward.switch([n; 8]).unwrap().unwrap(), [n; 8]);
        };
        (0..10).for_each(round);
        let before = ALLOCATIONS.get();
        (0..1_000).for_each(round);
        assert_eq!(ALLOCATIONS.get() - before, 0);

        // Nor does a whole life, once warm: block and stack are used again, and a small closure lies in the block.
        let life = |n: u64| assert_eq!(Greenlet::new(move |v: u64| v + n).switch(1).unwrap().unwrap(), 1 + n);
        (0..10).for_each(life);
        let before = ALLOCATIONS.get();
        (0..100).for_each(life);
        assert_eq!(ALLOCATIONS.get() - before, 0);
    });
}
