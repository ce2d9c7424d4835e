//! Switching: how control, and with it a value, an exit or a panic, goes from one greenlet to another.
//!
//! Whoever switches leaves a note in the thread's mailbox and the context switches to the target. The target, in its own
//! pending switch or at the start of its body, does the rest, always in this order:
//!
//! 1. it moves the value out of the sender's frame into its own (the mail points into that frame, which stays intact
//!    because its owner is suspended);
//! 2. it gives back the stack of a sender that has ended;
//! 3. it calls the tracer;
//! 4. it gives back the sender's running handle, which may have been the last one and then kills the sender.
//!
//! Steps 3 and 4 run user code, which may switch again. Nothing of the first switch is left in the mailbox by then.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use crate::body::open;
use crate::capture;
use crate::context::{self, Context};
use crate::error::{StackError, SwitchError};
use crate::handle::AnyGreenlet;
use crate::inner::{Anything, Inner, Payload, State, family};
use crate::lifetime::{drop_locals, release};
use crate::mail::{Failure, Got};
use crate::received::{GreenletExit, NoValue, Received};
use crate::route::route;
use crate::stacks;
use crate::thread::{self, Thread};
use crate::trace::{self, EventKind};
use crate::worker;

/// A handle of a greenlet that is known to exist.
#[inline]
pub(crate) fn any_handle(inner: &Inner) -> AnyGreenlet {
    inner.add_handle();
    AnyGreenlet::adopt(NonNull::from(inner))
}

/// Leaves the running greenlet for `target`; returns when something switches back.
///
/// # Safety
///
/// The mailbox holds what `target`, which is not current, may receive: a value of the type that it awaits, or no value.
/// `target` is active and has a stack. The caller receives (or, having ended, does not) when this returns.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) unsafe fn depart(thread: &Thread, target: *const Inner) {
    // SAFETY: the caller's promises, and those of `leave`.
    unsafe {
        (*target).add_handle();
        let (from, to) = leave(thread, thread.current.get(), target);
        context::switch(&thread.hub, from, to, thread);
    }
}

/// Makes `target` current, and tells between which contexts to switch.
///
/// # Safety
///
/// As for `depart`; `from` is the running greenlet. The caller gives up a handle of `target`, which becomes its running handle. The
/// contexts stay in their blocks until the greenlet has ended and its stack is idle. They are pointers because no reference may live
/// across the switch: both blocks may be freed before this frame runs again.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) unsafe fn leave(
    thread: &Thread,
    from: *const Inner,
    target: *const Inner,
) -> (*const Context, *const Context) {
    thread.origin.set(from);
    thread.current.set(target);
    // SAFETY: the running greenlet exists and has a context, and so has the target, for which the caller vouches.
    unsafe {
        let from = (*(*from).context.get()).as_ref().unwrap_unchecked();
        let to = (*(*target).context.get()).as_ref().unwrap_unchecked();
        (from, to)
    }
}

/// Takes what has arrived at the running greenlet, and settles with the one that switched here: what a switch usually brings.
///
/// # Safety
///
/// Called once after each arrival, with the type that the greenlet awaited.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) unsafe fn receive_value<T: 'static>(thread: &Thread) -> Result<T, Box<NoValue<T>>> {
    let origin = thread.origin.get();
    let value = thread.mail.peek();
    // Nobody leaves a value there while a tracer is set.
    if value.is_null() {
        // SAFETY: nothing has been taken yet.
        return unsafe { receive_with_care(thread) };
    }
    thread.mail.clear();
    // SAFETY: as in `receive`; the switcher's running handle keeps its block until it is given back, once.
    unsafe {
        let value = value.cast::<T>().read();
        release(origin);
        Ok(value)
    }
}

/// # Safety
///
/// As for `receive_value`.
#[cold]
#[inline(never)]
unsafe fn receive_with_care<T: 'static>(thread: &Thread) -> Result<T, Box<NoValue<T>>> {
    // SAFETY: the caller's promise.
    unsafe { receive::<T>(thread) }.into_value()
}

/// Gives back the stack of a greenlet that has ended.
///
/// # Safety
///
/// The block exists, and what the greenlet left was moved out of its frame: nothing uses the stack any more.
#[inline(never)]
unsafe fn give_back_stack(thread: &Thread, ended: *const Inner) {
    // SAFETY: the caller's promise.
    if let Some(context) = unsafe { (*(*ended).context.get()).take() } {
        thread.give_back(context);
    }
}

/// Takes what has arrived, whatever it is, and settles with the one that switched here.
///
/// # Safety
///
/// Called once after each arrival, with the type that the greenlet awaited.
#[cold]
#[inline(never)]
pub(crate) unsafe fn receive<T: 'static>(thread: &Thread) -> Got<T> {
    capture::answer(thread);
    let value = thread.mail.take_with_care();
    let value = if value.is_null() { thread.mail.peek() } else { value };
    thread.mail.clear();
    let got = if value.is_null() {
        thread.mail.take_cold()
    } else {
        // SAFETY: senders compare the family before they leave a pointer to a value of it, in a frame that is suspended
        // until now. It is moved out once: the mailbox is empty again, and the sender forgets it.
        Got::Value(unsafe { value.cast::<T>().read() })
    };
    let origin = thread.origin.get();
    // SAFETY: the switcher's running handle keeps its block until it is given back below.
    let ended = unsafe { (*origin).state.get() == State::Dead };
    if ended {
        // SAFETY: as above; what it left was moved out.
        unsafe { give_back_stack(thread, origin) };
    }
    let got = if thread.is_traced() {
        let posing = thread.posing.replace(ptr::null());
        // SAFETY: as above; `throw` keeps the one that poses, in a frame that is suspended until now.
        trace::replace(thread, unsafe { posing.as_ref().unwrap_or(&*origin) }, got)
    } else {
        got
    };
    // SAFETY: the running handle that `depart` (or the start of the thread) gave the switcher; it is not used again.
    unsafe { release(origin) };
    got
}

/// What every stack runs: the bodies of the greenlets that are bound to it, one after the other.
fn entry() {
    let thread = thread::this();
    while !thread.retiring.get() {
        let Some(body) = thread.current().body.take() else { break };
        // SAFETY: whoever switched here for the first time has begun the greenlet, which awaits what its body takes.
        unsafe { body.run(thread) };
    }
}

/// Runs a body of its own type on its own stack. Returns when the stack is used again.
///
/// # Safety
///
/// `data` is that of a body of an `F`, and given up. The running greenlet was just switched to for the first time, awaiting a `T`.
pub(crate) unsafe fn run_body<T: 'static, F: FnOnce(Received<T>) -> T>(data: MaybeUninit<*mut ()>, thread: &Thread) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise. The closure is in this frame from here on; its box is gone before it runs.
        let (body, got) = unsafe { (open::<F>(data), receive_value::<T>(thread)) };
        match got {
            Ok(value) => body(Received::Value(value)),
            Err(other) => match other.into_result() {
                Ok(received) => body(received),
                Err(error) => unreachable!("failures go to active greenlets only: {error}"),
            },
        }
    }));
    let outcome = match outcome {
        Ok(value) => Got::Value(value),
        Err(payload) => ended_by(payload),
    };
    if thread.measured.get() {
        note_end(thread);
    }
    finish(thread, outcome);
}

/// Notes how deep the running greenlet, which ends, has used its stack.
#[cold]
fn note_end(thread: &Thread) {
    let me = thread.current();
    drop_locals(me);
    stacks::note(thread, me.site);
}

/// An exit ends a greenlet as a value.
pub(crate) fn ended_by<T>(payload: Payload) -> Got<T> {
    match payload.downcast::<GreenletExit>() {
        Ok(exit) => Got::Exit(*exit),
        Err(payload) => Got::Raise(payload),
    }
}

/// Ends the running greenlet and hands its outcome on. Returns when its stack is used again.
pub(crate) fn finish<T: 'static>(thread: &Thread, mut outcome: Got<T>) {
    let me = thread.current();
    // Destructors run while this greenlet is still alive: they may switch.
    drop_locals(me);
    let target: *const Inner = route(thread, me, &mut outcome);
    // From here to the switch no user code runs.
    me.state.set(State::Dead);
    me.lent.set(ptr::null());
    thread.unregister(me);
    let mut result = None;
    match outcome {
        Got::Value(value) => thread.mail.leave_to_care((&raw mut *result.insert(ManuallyDrop::new(value))).cast()),
        other => thread.mail.leave_cold(other),
    }
    // SAFETY: `route` found an active target that awaits what is in the mailbox, or bound a stack to an unstarted one. The
    // result stays in this frame until the receiver has moved it out; this stack runs again only after that.
    unsafe {
        begin(thread, &*target);
        (*target).add_handle();
        let (from, to) = leave(thread, me, target);
        context::switch_finally(&thread.hub, from, to, thread);
    }
}

/// Gives an unstarted greenlet its stack. Taken on the asker's side, before anything is committed.
pub(crate) fn bind(thread: &Thread, target: &Inner) -> Result<(), StackError> {
    // SAFETY: an unstarted greenlet's context is touched only here.
    let slot = unsafe { &mut *target.context.get() };
    if slot.is_none() {
        let size = target.stack_size;
        let idle = thread.pool.reuse(size).or_else(|| worker::give_up_one(thread, size));
        *slot = Some(match idle.map_or_else(|| thread.pool.make(&thread.hub, size, entry), Ok) {
            // Idle stacks of other sizes count, too: there may be room without them.
            Err(_) if thread.idle_stacks() != 0 => {
                thread.drain_pool();
                thread.pool.make(&thread.hub, size, entry)?
            }
            made => made?,
        });
    }
    Ok(())
}

/// Binds a stack to a greenlet ahead of its first switch.
pub(crate) fn reserve(target: &Inner) -> Result<(), StackError> {
    match target.state.get() {
        State::Unstarted => bind(target.thread(), target),
        State::Active | State::Dead => Ok(()),
    }
}

/// Takes the stack of a greenlet back that is not begun after all.
pub(crate) fn unbind(thread: &Thread, target: &Inner) {
    if target.state.get() == State::Unstarted {
        // SAFETY: an unstarted greenlet's context is touched only here and in `bind`.
        if let Some(context) = unsafe { (*target.context.get()).take() } {
            thread.give_back(context);
        }
    }
}

/// Makes an unstarted greenlet, to which a stack was bound, active.
pub(crate) fn begin(thread: &Thread, target: &Inner) {
    if target.state.get() == State::Unstarted {
        target.state.set(State::Active);
        thread.register(target);
    }
}

/// `exchange`, where nothing stands in the way. Inlined into the caller: after a switch the processor mispredicts every return.
///
/// The handle is given up: it becomes the running handle.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn exchange<T: 'static>(target: AnyGreenlet, value: T) -> Result<T, Box<NoValue<T>>> {
    // No handle any more, so that there is nothing to be dropped on the way.
    let target = target.into_inner();
    // SAFETY: the handle that was given up keeps the block until it is the running one's. A thread's state outlives its blocks.
    let (inner, thread) = unsafe { (&*target, (*target).thread.as_ref()) };
    let from = thread.current.get();
    let plain = inner.state.get() == State::Active && from != target && inner.awaits.get().is::<T>();
    if !plain || std::thread::panicking() || thread.is_closed_or_traced() {
        return exchange_with_care(AnyGreenlet::adopt(NonNull::from(inner)), value);
    }
    // A value that arrives is dropped by its receiver.
    let mut sent = ManuallyDrop::new(value);
    thread.mail.leave((&raw mut sent).cast());
    // SAFETY: the target is another greenlet, active, and awaits what is in the mailbox; `sent` stays in this frame until the
    // target has moved it out. This greenlet awaits a `T`. What comes back is this thread's state, as all that switch on it
    // give that.
    unsafe {
        (*from).awaits.set(family::<T>());
        let (from, to) = leave(thread, from, target);
        let thread = context::switch(&thread.hub, from, to, thread);
        receive_value::<T>(&*thread)
    }
}

#[cold]
#[inline(never)]
fn exchange_with_care<T: 'static>(target: AnyGreenlet, value: T) -> Result<T, Box<NoValue<T>>> {
    match switch_with_care(target, value) {
        Ok(got) => got.into_value(),
        Err(error) => Err(Box::new(NoValue::Failed(error))),
    }
}

/// A switch, whatever the state of the target: what it brings, or why there was none.
fn switch_with_care<T: 'static>(target: AnyGreenlet, value: T) -> Result<Got<T>, SwitchError<T>> {
    let thread = target.inner().thread();
    if thread.is_closed() {
        return Err(SwitchError::Exited { value: Some(value) });
    }
    if std::thread::panicking() {
        return Err(SwitchError::Unwinding { to: target.inner().label(), value: Some(value) });
    }
    let live = target.is_dead().then(|| any_handle(target.inner().nearest_live()));
    let target = live.unwrap_or(target);
    let inner = target.inner();
    if inner.is_current() {
        let raised = thread.is_traced().then(|| trace::call(thread, inner, inner, EventKind::Switch)).flatten();
        return Ok(raised.map_or_else(|| Got::Value(value), Got::Raise));
    }
    let fits = inner.awaits.get().is::<T>();
    if !fits && !inner.awaits.get().is::<Anything>() {
        let failure = Failure::family::<T>(thread.current(), inner);
        return Err(failure.into_error(Some(value)));
    }
    if inner.state.get() == State::Unstarted {
        if let Err(error) = bind(thread, inner) {
            return Err(SwitchError::Stack { error, value: Some(value) });
        }
        begin(thread, inner);
    }
    thread.current().awaits.set(family::<T>());
    // A value that nobody wants is dropped by this frame.
    let mut sent = ManuallyDrop::new(value);
    if fits && thread.is_traced() {
        thread.mail.leave_to_care((&raw mut sent).cast());
    } else if fits {
        thread.mail.leave((&raw mut sent).cast());
    } else {
        thread.mail.leave_cold::<T>(Got::Nothing);
    }
    // SAFETY: as in `exchange`; the target has a stack now.
    let received = unsafe {
        let (from, to) = leave(thread, thread.current.get(), target.into_inner());
        context::switch(&thread.hub, from, to, thread);
        receive::<T>(thread)
    };
    if !fits {
        drop(ManuallyDrop::into_inner(sent));
    }
    Ok(received)
}
