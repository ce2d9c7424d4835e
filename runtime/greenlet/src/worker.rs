//! Greenlets for schedulers: each does one piece of work, and then, unless somebody could tell the difference, rests until there is
//! more.
//!
//! A worker that rests has neither ended nor been left for good: it keeps its block and its stack, with nothing on that but a few
//! frames of this crate, and is taken up again by a plain switch. For everybody else it does not exist. Its stack counts as an idle
//! one, and becomes one when the pool is drained or a stack is needed elsewhere.

use std::cell::RefCell;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};

use crate::body::{Body, Kind, drop_closure, open};
use crate::builder::Builder;
use crate::context;
use crate::error::StackError;
use crate::handle::{AnyGreenlet, Greenlet, main};
use crate::inner::{Inner, State, family};
use crate::lifetime::release;
use crate::mail::Got;
use crate::received::Received;
use crate::thread::{self, Thread};
use crate::transfer::{any_handle, ended_by, finish, leave, receive_value};

/// What a worker does; who goes on then.
pub type Work = fn() -> Option<Greenlet<()>>;

/// How many rest at most. A few are enough for work that comes piece by piece; others end, and their stacks go to the pool.
const REST: usize = 16;

static WORK: Kind = Kind { run, drop: drop_closure::<Work>, takes_exit: false };

/// The workers that rest, last in first out. Each is held by a handle.
#[derive(Default)]
pub(crate) struct Crew {
    resting: RefCell<Vec<NonNull<Inner>>>,
}

impl Crew {
    pub(crate) fn len(&self) -> usize {
        self.resting.borrow().len()
    }

    /// One that rests and has a stack of this size; with its handle.
    #[inline]
    fn take(&self, stack_size: usize) -> Option<NonNull<Inner>> {
        let mut resting = self.resting.borrow_mut();
        // SAFETY: the handle of each keeps its block.
        let at = resting.iter().rposition(|worker| unsafe { worker.as_ref() }.stack_size == stack_size)?;
        Some(resting.swap_remove(at))
    }
}

impl Builder {
    /// A greenlet for one piece of work, as one of many: `work` is called at the first switch to it, and tells who is switched to
    /// when it has returned; without that, the parent, which is main unless the builder says otherwise. It has its stack already.
    ///
    /// It differs from other greenlets in how much it costs: one that nobody holds any more, and that has no values of its own,
    /// is used again for the next piece of work.
    ///
    /// # Errors
    ///
    /// [`StackError`] if there is no stack.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenlet::{Builder, main};
    ///
    /// for _ in 0..3 {
    ///     let worker = Builder::new().build_worker(|| {
    ///         println!("at work");
    ///         Some(main())
    ///     })?;
    ///     worker.switch(())?;
    /// }
    /// assert_eq!(greenlet::stats().active, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn build_worker(self, work: Work) -> Result<Greenlet<()>, StackError> {
        if self.makes_plain_workers()
            && let Some(rested) = thread::this().crew.take(self.rounded_size())
        {
            let worker = Greenlet::adopt(rested);
            let inner = worker.inner();
            inner.id.set(inner.thread().next_id());
            inner.body.set(Some(body(work)));
            return Ok(worker);
        }
        self.make_worker(work)
    }

    /// A worker that has not worked before.
    #[track_caller]
    #[inline(never)]
    fn make_worker(self, work: Work) -> Result<Greenlet<()>, StackError> {
        let builder = if self.has_parent() { self } else { self.parent(&main::<()>()) };
        let worker = builder.make(body(work));
        worker.reserve()?;
        Ok(worker)
    }
}

#[inline]
fn body(work: Work) -> Body {
    // SAFETY: the kind of `Work`.
    unsafe { Body::new(work, &WORK) }
}

/// Runs pieces of work on the worker's own stack. Returns when the stack is used again, for anything else.
///
/// # Safety
///
/// `data` is that of a body of a `Work`, and given up. The running greenlet was just switched to, awaiting a `()`.
unsafe fn run(mut data: MaybeUninit<*mut ()>, thread: &Thread) {
    // SAFETY: the caller's promise; and `rest` returns when the running greenlet was just switched to, with a body that awaits a `()`,
    // which `more` takes.
    while unsafe { run_one(data, thread) } {
        // Not by returning to who runs bodies: after a switch, the processor mispredicts a return.
        match more(thread) {
            Some(next) => data = next,
            None => return,
        }
    }
}

/// Runs a piece of work. Returns when the stack is used again; whether the worker has rested.
///
/// # Safety
///
/// As for `run`.
#[inline(always)]
unsafe fn run_one(data: MaybeUninit<*mut ()>, thread: &Thread) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise.
        let (work, got) = unsafe { (open::<Work>(data), receive_value::<()>(thread)) };
        match got {
            Ok(()) => work(),
            Err(other) => match other.into_result() {
                Ok(Received::Value(())) => work(),
                Ok(Received::Exit(exit)) => resume_unwind(Box::new(exit)),
                Err(error) => unreachable!("failures go to active greenlets only: {error}"),
            },
        }
    }));
    let next = match outcome {
        Ok(next) => next,
        Err(payload) => {
            finish::<()>(thread, ended_by(payload));
            return false;
        }
    };
    match next {
        Some(next) if may_rest(thread, next.inner()) => {
            rest(thread, next.erase());
            true
        }
        next => {
            if let Some(next) = next {
                // If that one was made below this one, the parent stays who it was.
                let _ = any_handle(thread.current()).set_parent(&next);
            }
            finish(thread, Got::Value(()));
            false
        }
    }
}

/// The next piece of work of the running greenlet, if that is what it is to do.
#[inline]
fn more(thread: &Thread) -> Option<MaybeUninit<*mut ()>> {
    if thread.retiring.get() {
        return None;
    }
    let me = thread.current();
    match me.body.take()?.into_data_of(&WORK) {
        Ok(data) => Some(data),
        Err(other) => {
            me.body.set(Some(other));
            None
        }
    }
}

/// Whether nobody could tell that the running worker rests, from its having ended; and `next` can be switched to.
fn may_rest(thread: &Thread, next: &Inner) -> bool {
    let me = thread.current();
    // The one handle is that of being the running one.
    let unseen = !me.is_held_beyond(1) && !me.has_locals() && me.lent.get().is_null() && me.name.is_none();
    let told = thread.is_traced() || thread.measured.get() || thread.is_closed();
    let child = ptr::eq(me.parent.get(), thread.main());
    let fits = next.state.get() == State::Active && next.awaits.get().is::<()>() && !next.is_current();
    unseen && !told && child && fits && thread.crew.len() < REST.min(thread.pool.capacity.get())
}

/// Leaves for `next`. Returns when the stack is used again: by this worker, for which a new body was put in place; or, where stacks do
/// not begin anew, by another greenlet.
fn rest(thread: &Thread, next: AnyGreenlet) {
    let me = thread.current();
    me.add_handle();
    thread.crew.resting.borrow_mut().push(NonNull::from(me));
    me.awaits.set(family::<()>());
    let mut sent = ManuallyDrop::new(());
    thread.mail.leave((&raw mut sent).cast());
    // SAFETY: `may_rest` found an active target that awaits a `()`.
    unsafe {
        let (from, to) = leave(thread, me, next.into_inner());
        context::switch(&thread.hub, from, to, thread);
    }
}

/// Ends those that rest. Their stacks go to the pool.
pub(crate) fn dismiss(thread: &Thread) {
    loop {
        let Some(worker) = thread.crew.resting.borrow_mut().pop() else { return };
        // SAFETY: the handle that was just taken out of the list keeps it, and is given back once. Its frames, in `rest`, own
        // nothing, so that the stack may be used for others as if they had returned.
        unsafe {
            let inner = worker.as_ref();
            inner.state.set(State::Dead);
            thread.unregister(inner);
            if let Some(context) = (*inner.context.get()).take() {
                thread.give_back(context);
            }
            release(worker.as_ptr());
        }
    }
}
