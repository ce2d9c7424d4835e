//! The memory of the process does not grow. In a binary of its own, and in one test, so that nothing else allocates.

#[path = "it/tool.rs"]
mod tool;

use std::cell::Cell;
use std::rc::Rc;

use greenlet::{Greenlet, main, stats};

/// Ten megabytes, in pages: what the allocator and the kernel may keep.
const TOLERANCE: usize = 2_560;

/// Resident pages of this process.
fn resident() -> Option<usize> {
    std::fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// Asserts that doing `f` again and again takes no more memory than doing it once.
fn steady(f: impl Fn()) {
    f();
    let before = (resident(), stats());
    (0..5).for_each(|_| f());
    assert_eq!((stats().stacks, stats().pooled), (before.1.stacks, before.1.pooled));
    let tools = ["asan", "valgrind", "qemu"];
    if tool::meaningless_under(&tools, "the tool's own memory is resident, too, and freed memory is kept for a while") {
        return;
    }
    if let (Some(before), Some(after)) = (before.0, resident()) {
        assert!(after <= before + TOLERANCE, "grew by {} pages", after - before);
    }
}

struct Ends(Rc<Cell<usize>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn test_untracked_memory_doesnt_increase() {
    steady(|| (0..2_000).for_each(|n| assert_eq!(Greenlet::new(|v| v).switch(n).unwrap().unwrap(), n)));

    // Unfinished ones, dropped in their thread.
    let exits = Rc::new(Cell::new(0));
    steady(|| {
        let greenlets: Vec<Greenlet> = (0..500)
            .map(|_| {
                let ends = Ends(exits.clone());
                let g = Greenlet::new(move |()| {
                    let _ends = ends;
                    main::<()>().switch(()).unwrap();
                });
                g.switch(()).unwrap();
                g
            })
            .collect();
        drop(greenlets);
    });
    assert_eq!(exits.get(), 3_000);
    assert_eq!(stats().active, 0);
}
