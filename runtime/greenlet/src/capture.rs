//! Backtraces of suspended greenlets: each is captured on its own stack, by a visit there and back.
//!
//! A visit is no switch: the greenlet that asks and the one that is asked stay where they are, with what they await, their
//! handles and the mailbox as before. The context goes to the asked stack, which finds no value there, looks whether it was
//! asked for something, and comes back. What is expensive, the names and lines of the frames, is looked up by whoever
//! prints the backtrace, on a stack of its own.

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::ptr;
use std::sync::Once;

use crate::context::{self, Context};
use crate::handle::AnyGreenlet;
use crate::inner::{Inner, State};
use crate::thread::Thread;

/// What a capture takes of a stack, in bytes, with a reserve: 2 KiB were measured, in a debug build.
const ROOM: usize = 4 * 1024;

/// What a visit carries there and back.
pub(crate) struct Visit {
    /// Who asks, until it has its answer; else null.
    asker: Cell<*const Inner>,
    answer: Cell<Option<Backtrace>>,
}

impl Default for Visit {
    fn default() -> Visit {
        Visit { asker: Cell::new(ptr::null()), answer: Cell::new(None) }
    }
}

impl Visit {
    /// Whether one is on its way to the stack that is asked.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.asker.get().is_null()
    }
}

impl AnyGreenlet {
    /// Where the greenlet is: the calls that it is in, down to its body. The first few are this library's own.
    ///
    /// It works whatever `RUST_BACKTRACE` says. Of a suspended greenlet the addresses are collected on its own stack; names
    /// and lines are looked up when the backtrace is printed. Nothing that the program can see changes: no tracer is told,
    /// nothing is counted as a switch.
    ///
    /// None if it has not begun or has ended, if less than 4 KiB are left on its stack, while the thread unwinds, and when
    /// the thread is ending. The portable context does not know how much is left: there it is for the caller to know.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenlet::{Greenlet, main};
    ///
    /// #[inline(never)]
    /// fn waits_for_good_news() {
    ///     main().switch(()).map(drop).unwrap();
    /// }
    ///
    /// let g = Greenlet::new(|()| waits_for_good_news());
    /// assert!(g.backtrace().is_none(), "it has not begun");
    /// g.switch(()).unwrap();
    /// assert!(g.backtrace().unwrap().to_string().contains("waits_for_good_news"));
    /// ```
    pub fn backtrace(&self) -> Option<Backtrace> {
        let inner = self.inner();
        let thread = inner.thread();
        if inner.state.get() != State::Active || std::thread::panicking() || thread.is_closed() {
            return None;
        }
        if inner.is_current() {
            return Some(Backtrace::force_capture());
        }
        // The first capture of a process takes 3 KiB more, because the dynamic linker binds what it calls: not over there.
        static BOUND: Once = Once::new();
        BOUND.call_once(|| drop(Backtrace::force_capture()));
        // SAFETY: active and not current, and this handle keeps it.
        unsafe { visit(thread, inner) }
    }
}

/// Lets a suspended greenlet capture its backtrace.
///
/// # Safety
///
/// The target is active and not current, and the caller keeps a handle of it until this returns.
#[cold]
#[inline(never)]
unsafe fn visit(thread: &Thread, target: &Inner) -> Option<Backtrace> {
    let asker = thread.current.get();
    thread.visit.asker.set(asker);
    // An allocator may be the user's. It finds itself in the greenlet on whose stack it is, and can switch to nobody.
    thread.current.set(target);
    thread.set_closed(true);
    // SAFETY: an active greenlet has a context, in its block until it has ended; both are suspended or running, and nobody
    // ends while nothing but `answer` runs. The target is in a pending switch, whose next step is `answer`, or is a worker
    // that rested and has new work, whose first step that is. The mailbox is empty, as always while user code runs.
    unsafe {
        let from = (*(*asker).context.get()).as_ref().unwrap_unchecked();
        let to = (*target.context.get()).as_ref().unwrap_unchecked();
        context::switch(&thread.hub, from, to, thread);
    }
    thread.set_closed(false);
    thread.current.set(asker);
    thread.visit.answer.take()
}

/// Answers those who only visit. Returns when control has come here for good.
#[inline(never)]
pub(crate) fn answer(thread: &Thread) {
    loop {
        let asker = thread.visit.asker.replace(ptr::null());
        if asker.is_null() {
            return;
        }
        if has_room(thread.current()) {
            thread.visit.answer.set(Some(Backtrace::force_capture()));
        }
        // SAFETY: the running greenlet is the one that `visit` went to. The asker is suspended there, with its block kept by
        // its running handle, until it is switched to here.
        unsafe {
            let from = (*thread.current().context.get()).as_ref().unwrap_unchecked();
            let to = (*(*asker).context.get()).as_ref().unwrap_unchecked();
            context::switch(&thread.hub, from, to, thread);
        }
    }
}

/// Whether a capture fits on the running greenlet's stack, as far as is known: running out of it ends the process.
fn has_room(current: &Inner) -> bool {
    let here = ptr::from_ref(&current).addr();
    // SAFETY: the running greenlet's context is in place until it ends.
    let context = unsafe { (*current.context.get()).as_ref() };
    let guard = context.and_then(Context::guard);
    // The address sanitizer keeps locals elsewhere: then they do not tell.
    !guard.is_some_and(|guard| (guard.end..guard.end + ROOM).contains(&here))
}
