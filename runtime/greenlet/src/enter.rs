//! Ending what a thread started, and counting what is there.

use std::sync::atomic::Ordering;

use crate::handle::AnyGreenlet;
use crate::inner::Anything;
use crate::lifetime::{give_up, let_go};
use crate::loans;
use crate::mail::Got;
use crate::received::GreenletExit;
use crate::thread::{self, LEAKED, Thread};
use crate::throw::raise;
use crate::transfer::any_handle;
use crate::unraisable::Unraisable;
use crate::worker;

/// How often a greenlet that catches its exit is told again, as Stackless does.
pub(crate) const ATTEMPTS: usize = 10;

/// Runs `f`, and ends every started greenlet of the thread before it returns, by a panic too.
///
/// Use it around everything that a thread which you started does with greenlets. Without it, greenlets that are still
/// suspended when the thread ends are given up: their stacks are never unwound, because the thread-locals that they use may
/// be gone by then. They are counted in [`Stats::leaked`].
///
/// A greenlet that catches its exit is killed again, ten times in all, and then given up. Within another `enter`, and
/// outside the main greenlet, `enter` only calls `f`: the outermost one ends everything.
///
/// # Examples
///
/// ```
/// use greenlet::{Greenlet, enter, main};
///
/// std::thread::spawn(|| enter(|| {
///     let g = Greenlet::new(|()| {
///         let _cleanup = String::from("dropped before the thread ends");
///         main().switch(()).map(|_| ()).unwrap_or_default()
///     });
///     g.switch(()).unwrap();
///     std::mem::forget(g);
/// })).join().unwrap();
/// assert_eq!(greenlet::stats().leaked, 0);
/// ```
pub fn enter<R>(f: impl FnOnce() -> R) -> R {
    struct Leave<'a>(&'a Thread);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.entered.set(self.0.entered.get() - 1);
            if self.0.entered.get() == 0 {
                end_all(self.0);
                loans::settle();
                self.0.drain_pool();
            }
        }
    }
    let thread = thread::this();
    // A call in another greenlet may be left later than one of main's that it did not enclose: it does not count.
    if !thread.current().is_main() {
        return f();
    }
    thread.entered.set(thread.entered.get() + 1);
    let _leave = Leave(thread);
    f()
}

/// Kills every active greenlet of the thread but main, which is current.
fn end_all(thread: &Thread) {
    for _ in 0..ATTEMPTS {
        let alive = active(thread);
        if alive.is_empty() {
            return;
        }
        for greenlet in alive {
            let inner = greenlet.inner();
            if !greenlet.is_active() || inner.shielded.get() || cfg!(panic = "abort") {
                let_go(greenlet);
                continue;
            }
            let exit = Box::new(GreenletExit::new("the thread leaves enter"));
            // SAFETY: active, and not current, which is main; `greenlet` is a handle.
            if let Got::Raise(payload) = unsafe { raise::<Anything>(thread, inner, exit, true) } {
                thread.unraisable(inner, Unraisable::Panicked(payload));
            }
            let_go(greenlet);
        }
    }
    for greenlet in active(thread) {
        if !cfg!(panic = "abort") {
            thread.unraisable(greenlet.inner(), Unraisable::Survived);
        }
        give_up(thread, greenlet.inner());
        // Never killed again: the block stays with its stack.
        std::mem::forget(greenlet);
    }
}

pub(crate) fn active(thread: &Thread) -> Vec<AnyGreenlet> {
    worker::dismiss(thread);
    let mut active = Vec::with_capacity(thread.registered.get());
    thread.blocks.find_registered(|inner| {
        active.push(any_handle(inner));
        None::<()>
    });
    active
}

/// What greenlets the running thread has, and what it holds for them.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Greenlets that exist, in any state, without main.
    pub greenlets: usize,
    /// Greenlets that have begun and not ended, without main.
    pub active: usize,
    /// Stacks bound to greenlets.
    pub stacks: usize,
    /// Idle stacks: in the pool, and of workers that rest.
    pub pooled: usize,
    /// Suspended stacks that were given up, in the whole process since it began.
    pub leaked: u64,
}

/// Counts this thread's greenlets and stacks.
pub fn stats() -> Stats {
    let thread = thread::this();
    let (pooled, resting) = (thread.idle_stacks(), thread.crew.len());
    Stats {
        greenlets: thread.blocks.count() - resting,
        active: thread.registered.get() - resting,
        stacks: thread.pool.total.get() - pooled,
        pooled,
        leaked: LEAKED.load(Ordering::Relaxed),
    }
}
