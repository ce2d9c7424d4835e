//! Who goes on, where a test decides it: the scheduler as its own model checker.

use crate::core::Scheduler;
use crate::hooks::alert;

/// Decides which runnable tasklet goes on at every switch; see [`with_picker`].
///
/// It must not switch, spawn, or use channels.
pub trait Picker {
    /// One of `runnable` tasklets, at least two, counted from 0 along the run queue. 0 is the one that would go on by the rules; what
    /// is too large counts as 0.
    fn pick(&mut self, runnable: usize) -> usize;
}

impl<F: FnMut(usize) -> usize> Picker for F {
    fn pick(&mut self, runnable: usize) -> usize {
        self(runnable)
    }
}

impl Scheduler {
    /// Lets the picker, if there is one, choose the ring's head.
    pub(crate) fn let_pick(&self) {
        let runnable = self.core.table.borrow().len();
        if runnable < 2 {
            return;
        }
        let Some(mut picker) = self.core.picker.take() else { return };
        let picked = self.trapped(|| picker.pick(runnable));
        // A picker that another one was set within stays the outer one.
        self.core.picker.replace(Some(picker));
        let mut table = self.core.table.borrow_mut();
        for _ in 0..picked.ok().filter(|picked| *picked < runnable).unwrap_or(0) {
            table.rotate();
        }
    }
}

/// Runs `f` while `picker` decides, on this thread, which runnable tasklet goes on at every switch, in place of round robin and of what channels prefer.
/// For tests: with a seeded random picker, or one that goes through all choices, they find orders that the usual one hides.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{run, spawn, with_picker};
///
/// // Always the last one.
/// let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
/// with_picker(|runnable: usize| runnable - 1, || {
///     for n in 0..3 {
///         let order = order.clone();
///         spawn(move || order.borrow_mut().push(n)).detach();
///     }
///     run();
/// });
/// assert_eq!(*order.borrow(), [2, 1, 0]);
/// ```
pub fn with_picker<R>(picker: impl Picker + 'static, f: impl FnOnce() -> R) -> R {
    struct Restore(Scheduler, Option<Box<dyn Picker>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let old = self.0.core.picker.replace(self.1.take());
            self.0.core.hooks.alert(alert::PICK, self.0.core.picker.borrow().is_some());
            drop(old);
        }
    }
    let scheduler = Scheduler::local();
    let old = scheduler.core.picker.replace(Some(Box::new(picker)));
    scheduler.core.hooks.alert(alert::PICK, true);
    let _restore = Restore(scheduler, old);
    f()
}
