//! Greenlets for schedulers: each does one piece of work, and then, unless somebody could tell the difference, rests until there is
//! more.
//!
//! A worker that rests has neither ended nor been left for good: it keeps its block and its stack, with nothing on that but a few
//! frames of this crate, and is taken up again by a plain switch. For everybody else it does not exist. Its stack counts as an idle
//! one, and becomes one when the pool is drained or a stack is needed elsewhere.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};

use crate::body::{Body, Kind, drop_closure, open};
use crate::builder::Builder;
use crate::context::{self, Context};
use crate::error::StackError;
use crate::handle::{AnyGreenlet, Greenlet, main};
use crate::inner::{Inner, State, family};
use crate::lifetime::release;
use crate::mail::Got;
use crate::prefetch::{prefetch, stack_of};
use crate::received::Received;
use crate::thread::{self, Thread};
use crate::transfer::{any_handle, ended_by, finish, leave, receive_value};

/// What a worker does; who goes on then.
pub type Work = fn() -> Option<Greenlet<()>>;

static WORK: Kind = Kind { run, drop: drop_closure::<Work>, takes_exit: false };

/// So many that came back in any order are put in order before they are used again; see [`Crew::put_in_order`].
const MANY: usize = 1024;

/// Where so many rest, the next ones are not in the cache any more.
const FAR: usize = 256;

/// The workers that rest, last in first out. Their stacks are of one size. Each is held by a handle.
#[derive(Default)]
pub(crate) struct Crew {
    resting: RefCell<Vec<NonNull<Inner>>>,
    stack_size: Cell<usize>,
    /// So many, at the bottom, are in order.
    ordered: Cell<usize>,
    /// The fewest that there were since idle stacks were reviewed: so many were not needed.
    fewest: Cell<usize>,
}

impl Crew {
    pub(crate) fn len(&self) -> usize {
        self.resting.borrow().len()
    }

    /// How many have stacks of this size.
    pub(crate) fn count_of(&self, stack_size: usize) -> usize {
        if self.stack_size.get() == stack_size { self.len() } else { 0 }
    }

    /// Whether a worker with a stack of this size may join, where so many stacks may be idle.
    fn has_room(&self, stack_size: usize, idle: usize) -> bool {
        let resting = self.len();
        resting < idle && (resting == 0 || self.stack_size.get() == stack_size)
    }

    fn join(&self, worker: &Inner) {
        self.stack_size.set(worker.stack_size);
        self.resting.borrow_mut().push(NonNull::from(worker));
    }

    /// One that rests and has a stack of this size; with its handle.
    #[inline]
    fn take(&self, stack_size: usize) -> Option<NonNull<Inner>> {
        if self.stack_size.get() != stack_size {
            return None;
        }
        let mut resting = self.resting.borrow_mut();
        let left = resting.len().checked_sub(1)?;
        if left >= MANY && left.saturating_sub(self.ordered.get()) >= left / 2 {
            self.put_in_order(&mut resting);
        }
        self.note_left(left);
        if left >= FAR {
            prefetch_next(&resting);
        }
        resting.pop()
    }

    /// One is taken from the top, and so many are left.
    #[inline(always)]
    fn note_left(&self, left: usize) {
        self.ordered.set(self.ordered.get().min(left));
        self.fewest.set(self.fewest.get().min(left));
    }

    /// Sorts them, so that they are taken in the order in which they lie in memory. Thousands that begin one after the other go over
    /// it evenly then, which the processor foresees.
    #[cold]
    #[inline(never)]
    fn put_in_order(&self, resting: &mut [NonNull<Inner>]) {
        resting.sort_unstable_by_key(|worker| Reverse(worker.addr()));
        self.ordered.set(resting.len());
    }

    /// One that rests, to be ended.
    fn take_any(&self) -> Option<NonNull<Inner>> {
        let mut resting = self.resting.borrow_mut();
        let worker = resting.pop()?;
        self.note_left(resting.len());
        Some(worker)
    }

    /// Takes out those that were not needed since this was last asked. Those that came first were at the bottom all the time.
    fn take_unneeded(&self) -> Vec<NonNull<Inner>> {
        let mut resting = self.resting.borrow_mut();
        let unneeded: Vec<_> = resting.drain(..self.fewest.get()).collect();
        self.fewest.set(resting.len());
        self.ordered.set(self.ordered.get().saturating_sub(unneeded.len()));
        unneeded
    }
}

/// Brings those nearer that will be taken after the last one.
#[inline(always)]
fn prefetch_next(resting: &[NonNull<Inner>]) {
    // SAFETY: the handle of each keeps its block.
    let block = |before_last: usize| unsafe { resting[resting.len() - 1 - before_last].as_ref() };
    prefetch(block(4));
    if let Some(stack) = stack_of(block(2)) {
        stack.prefetch();
        stack.prefetch_below();
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
    let idle = thread.pool.capacity.get().saturating_sub(thread.pool.idle.get());
    unseen && !told && child && fits && thread.crew.has_room(me.stack_size, idle)
}

/// Leaves for `next`. Returns when the stack is used again: by this worker, for which a new body was put in place; or, where stacks do
/// not begin anew, by another greenlet.
fn rest(thread: &Thread, next: AnyGreenlet) {
    let me = thread.current();
    me.add_handle();
    thread.crew.join(me);
    thread.came_back();
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
    while let Some(worker) = thread.crew.take_any() {
        // SAFETY: it was just taken out of the list.
        if let Some(context) = unsafe { end(thread, worker) } {
            thread.give_back(context);
        }
    }
}

/// Ends those that were not needed of late, for good: their stacks.
pub(crate) fn dismiss_unneeded(thread: &Thread) -> Vec<Context> {
    let unneeded = thread.crew.take_unneeded();
    // SAFETY: they were just taken out of the list.
    let stacks = unneeded.into_iter().filter_map(|worker| unsafe { end(thread, worker) });
    let stacks: Vec<Context> = stacks.collect();
    thread.pool.total.set(thread.pool.total.get() - stacks.len());
    stacks
}

/// Ends one that rests, if there is one with a stack of this size, for the sake of that.
#[cold]
pub(crate) fn give_up_one(thread: &Thread, stack_size: usize) -> Option<Context> {
    let worker = thread.crew.take(stack_size)?;
    // SAFETY: it was just taken out of the list; no frame of a worker that has ended is needed.
    unsafe { end(thread, worker).inspect(|stack| stack.reset()) }
}

/// Ends a worker that rests; its stack, to be [reset](Context::reset) before it is used again.
///
/// # Safety
///
/// It was in the list of those that rest, and was taken out.
unsafe fn end(thread: &Thread, worker: NonNull<Inner>) -> Option<Context> {
    // SAFETY: the handle that was in the list keeps it, and is given back once. Its frames, in `rest`, own nothing, so that the stack
    // may be used for others as if they had returned.
    unsafe {
        let inner = worker.as_ref();
        inner.state.set(State::Dead);
        thread.unregister(inner);
        let context = (*inner.context.get()).take();
        release(worker.as_ptr());
        context
    }
}
