//! Switching: how control, and with it a value, an exit or a panic, goes from one greenlet to another.
//!
//! Whoever switches leaves a note in the thread's mailbox and the context switches to the target. The target, in its own
//! pending switch or at the start of its body, does the rest, always in this order:
//!
//! 1. it moves the value out of the sender's frame into its own (`Mail::Value` points into that frame, which stays intact
//!    because its owner is suspended);
//! 2. it gives back the stack of a sender that has ended;
//! 3. it calls the tracer;
//! 4. it gives back the sender's running handle, which may have been the last one and then kills the sender.
//!
//! Steps 3 and 4 run user code, which may switch again. Nothing of the first switch is left in the mailbox by then.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};

use crate::context;
use crate::error::{StackError, SwitchError};
use crate::handle::AnyGreenlet;
use crate::inner::{Anything, Inner, Payload, State, family};
use crate::lifetime::{drop_caught, drop_locals, end_unstarted, release};
use crate::received::{GreenletExit, Received};
use crate::thread::{self, Thread};
use crate::trace::{self, EventKind};

/// What is under way from the greenlet that switches to the one that is switched to.
pub(crate) enum Mail {
    None,
    /// A value of the type that the target awaits, in the sender's frame, to be moved out once.
    Value(*mut ()),
    /// The target takes anything, and the sender keeps its value until it is resumed.
    Discarded,
    Cold(Box<Got<()>>),
}

/// What arrives at a pending switch.
pub(crate) enum Got<T> {
    Value(T),
    Exit(GreenletExit),
    Raise(Payload),
    Failed(Failure),
    Nothing,
}

/// Something that could not be delivered, told to the nearest live ancestor.
#[derive(Debug)]
pub(crate) enum Failure {
    Family { from: String, to: String, sent: &'static str, awaited: &'static str },
    Stack(StackError),
}

impl Failure {
    pub(crate) fn family<T>(from: &Inner, to: &Inner) -> Failure {
        let awaited = (to.awaits.get().name)();
        Failure::Family { from: from.label(), to: to.label(), sent: std::any::type_name::<T>(), awaited }
    }

    pub(crate) fn into_error<V>(self, value: Option<V>) -> SwitchError<V> {
        match self {
            Failure::Family { from, to, sent, awaited } => SwitchError::Family { from, to, sent, awaited, value },
            Failure::Stack(error) => SwitchError::Stack { error, value },
        }
    }
}

impl<T> Got<T> {
    /// What the pending switch returns. Unwinds if something was raised.
    pub(crate) fn open(self) -> Result<Received<T>, Failure> {
        match self {
            Got::Value(value) => Ok(Received::Value(value)),
            Got::Exit(exit) => Ok(Received::Exit(exit)),
            Got::Raise(payload) => resume_unwind(payload),
            Got::Failed(failure) => Err(failure),
            Got::Nothing => unreachable!("nothing is sent only to an operation that takes anything"),
        }
    }

    fn is_exit(&self) -> bool {
        matches!(self, Got::Exit(_))
    }

    pub(crate) fn event(&self) -> EventKind {
        if matches!(self, Got::Raise(_)) { EventKind::Throw } else { EventKind::Switch }
    }
}

/// A handle of a greenlet that is known to exist.
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
#[inline]
pub(crate) unsafe fn depart(thread: &Thread, target: *const Inner) {
    let from = thread.current.get();
    // SAFETY: the running greenlet exists, and the caller vouches for the target. No reference to either lives across the
    // switch, since both may be freed before this frame runs again.
    let (from_context, to_context) = unsafe {
        (*target).add_handle();
        ((*from).context.get(), (*target).context.get())
    };
    thread.origin.set(from);
    thread.current.set(target);
    // SAFETY: both have a context: the running one has, and the caller vouches for the target. Contexts stay in their
    // blocks until the greenlet has ended and its stack is idle.
    unsafe {
        let from = (*from_context).as_ref().map_or(ptr::null(), ptr::from_ref);
        let to = (*to_context).as_ref().map_or(ptr::null(), ptr::from_ref);
        context::switch(&thread.hub, from, to);
    }
}

/// Takes what has arrived at the running greenlet, and settles with the one that switched here.
///
/// # Safety
///
/// Called once after each arrival, with the type that the greenlet awaited.
#[inline]
pub(crate) unsafe fn receive<T: 'static>(thread: &Thread) -> Got<T> {
    let got = match thread.mail.replace(Mail::None) {
        // SAFETY: senders compare the family before they store a pointer to a value of it, in a frame that is suspended
        // until now. It is moved out once: the mailbox is empty again, and the sender forgets it.
        Mail::Value(value) => Got::Value(unsafe { value.cast::<T>().read() }),
        Mail::Discarded | Mail::None => Got::Nothing,
        Mail::Cold(cold) => match *cold {
            Got::Value(()) | Got::Nothing => Got::Nothing,
            Got::Exit(exit) => Got::Exit(exit),
            Got::Raise(payload) => Got::Raise(payload),
            Got::Failed(failure) => Got::Failed(failure),
        },
    };
    let origin = thread.origin.replace(ptr::null());
    // SAFETY: the switcher's running handle keeps its block until it is given back below.
    let ended = unsafe { (*origin).state.get() == State::Dead };
    if ended {
        // SAFETY: as above; the switcher has ended, what it left was moved out, so that nothing uses its stack.
        if let Some(context) = unsafe { (*(*origin).context.get()).take() } {
            thread.give_back(context);
        }
    }
    let got = if thread.traced.get() {
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
        let (data, run) = body.into_parts();
        // SAFETY: `data` came from `Builder::build` with this very `run`, and is given up to it.
        unsafe { run(data, thread) };
    }
}

/// Runs a body of its own type on its own stack. Returns when the stack is used again.
///
/// # Safety
///
/// `data` comes from `Box<F>::into_raw`. The running greenlet was just switched to for the first time, awaiting a `T`.
pub(crate) unsafe fn run_body<T: 'static, F: FnOnce(Received<T>) -> T>(data: *mut (), thread: &Thread) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise. The closure is in this frame from here on; its box is gone before it runs.
        let (body, got) = unsafe { (*Box::from_raw(data.cast::<F>()), receive::<T>(thread)) };
        match got.open() {
            Ok(received) => body(received),
            Err(failure) => unreachable!("failures go to active greenlets only: {failure:?}"),
        }
    }));
    let outcome = match outcome {
        Ok(value) => Got::Value(value),
        Err(payload) => ended_by(payload),
    };
    finish(thread, outcome);
}

/// An exit ends a greenlet as a value.
pub(crate) fn ended_by<T>(payload: Payload) -> Got<T> {
    match payload.downcast::<GreenletExit>() {
        Ok(exit) => Got::Exit(*exit),
        Err(payload) => Got::Raise(payload),
    }
}

/// Ends the running greenlet and hands its outcome on. Returns when its stack is used again.
fn finish<T: 'static>(thread: &Thread, mut outcome: Got<T>) {
    let me = thread.current();
    // Destructors run while this greenlet is still alive: they may switch.
    drop_locals(me);
    let target: *const Inner = route(thread, me, &mut outcome);
    // From here to the switch no user code runs.
    me.state.set(State::Dead);
    thread.unregister(me);
    let mut result = None;
    let mail = match outcome {
        Got::Value(value) => Mail::Value((&raw mut *result.insert(ManuallyDrop::new(value))).cast()),
        other => cold(other),
    };
    thread.mail.set(mail);
    // SAFETY: `route` found an active target that awaits what is in the mailbox, or bound a stack to an unstarted one. The
    // result stays in this frame until the receiver has moved it out; this stack runs again only after that.
    unsafe {
        begin(thread, &*target);
        depart(thread, target);
    }
}

pub(crate) fn cold<T>(got: Got<T>) -> Mail {
    Mail::Cold(Box::new(match got {
        Got::Value(_) | Got::Nothing => return Mail::Discarded,
        Got::Exit(exit) => Got::Exit(exit),
        Got::Raise(payload) => Got::Raise(payload),
        Got::Failed(failure) => Got::Failed(failure),
    }))
}

/// Finds who receives the outcome of `from`: the nearest live ancestor, unless it is unstarted and cannot take it. Such a
/// one is ended by what it cannot take; what nobody may take because of its type becomes an error. Runs user destructors.
pub(crate) fn route<'a, T: 'static>(thread: &'a Thread, from: &Inner, outcome: &mut Got<T>) -> &'a Inner {
    // The last one that was ended. It only saves going up a long chain again for each of its members.
    let mut ended: Option<AnyGreenlet> = None;
    loop {
        let below = ended.as_ref().map_or(from, AnyGreenlet::inner);
        let mut target = below.parent().unwrap_or(thread.main()).nearest_live();
        while matches!(outcome, Got::Failed(_)) && target.state.get() == State::Unstarted {
            target = target.parent().unwrap_or(thread.main()).nearest_live();
        }
        // SAFETY: living ancestors are kept by the edges of their children; `'a` only says that main's is the longest life.
        let target: &'a Inner = unsafe { &*ptr::from_ref(target) };
        let unstarted = target.state.get() == State::Unstarted;
        let fits = target.awaits.get().is::<T>();
        let ends =
            unstarted && matches!(outcome, Got::Exit(_) | Got::Raise(_)) && !(outcome.is_exit() && takes_exit(target));
        if ends {
            let handle = any_handle(target);
            end_unstarted(target);
            ended = Some(handle);
            continue;
        }
        if ended.take().is_some() {
            // User code may have changed the parents. From here to the return none of it runs that is not looked after.
            continue;
        }
        match outcome {
            Got::Value(_) if unstarted && fits => match bind(thread, target) {
                Ok(()) => return target,
                Err(error) => replace(from, outcome, Got::Failed(Failure::Stack(error))),
            },
            Got::Value(_) if fits => return target,
            Got::Value(_) if !unstarted && target.awaits.get().is::<Anything>() => replace(from, outcome, Got::Nothing),
            Got::Value(_) => replace(from, outcome, Got::Failed(Failure::family::<T>(from, target))),
            Got::Nothing if target.awaits.get().is::<Anything>() => return target,
            Got::Nothing => *outcome = Got::Failed(Failure::family::<T>(from, target)),
            Got::Exit(_) if unstarted => match bind(thread, target) {
                Ok(()) => return target,
                Err(error) => *outcome = Got::Failed(Failure::Stack(error)),
            },
            Got::Exit(_) | Got::Raise(_) | Got::Failed(_) => return target,
        }
    }
}

fn replace<T>(from: &Inner, outcome: &mut Got<T>, with: Got<T>) {
    drop_caught(from, std::mem::replace(outcome, with));
}

fn takes_exit(unstarted: &Inner) -> bool {
    let body = unstarted.body.take();
    let takes = body.as_ref().is_some_and(|body| body.takes_exit);
    unstarted.body.set(body);
    takes
}

/// Gives an unstarted greenlet its stack. Taken on the asker's side, before anything is committed.
fn bind(thread: &Thread, target: &Inner) -> Result<(), StackError> {
    // SAFETY: an unstarted greenlet's context is touched only here.
    let slot = unsafe { &mut *target.context.get() };
    if slot.is_none() {
        let taken = thread.pool.take(target.stack_size, entry);
        *slot = Some(match taken {
            // Idle stacks of other sizes count, too: there may be room without them.
            Err(_) if thread.pool.idle.get() != 0 => {
                thread.drain_pool();
                thread.pool.take(target.stack_size, entry)?
            }
            taken => taken?,
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

/// Makes an unstarted greenlet, to which a stack was bound, active.
pub(crate) fn begin(thread: &Thread, target: &Inner) {
    if target.state.get() == State::Unstarted {
        target.state.set(State::Active);
        thread.register(target);
    }
}

/// `switch`, whatever the state of the target.
#[inline]
pub(crate) fn switch<T: 'static>(target: &Inner, value: T) -> Result<Received<T>, SwitchError<T>> {
    let thread = target.thread();
    if let Some(error) = refusal(thread, target) {
        return Err(error(value));
    }
    let target = if target.state.get() == State::Dead { target.nearest_live() } else { target };
    if target.is_current() {
        return match thread.traced.get().then(|| trace::call(thread, target, target, EventKind::Switch)).flatten() {
            Some(payload) => resume_unwind(payload),
            None => Ok(Received::Value(value)),
        };
    }
    let fits = target.awaits.get().is::<T>();
    if !fits && !target.awaits.get().is::<Anything>() {
        let failure = Failure::family::<T>(thread.current(), target);
        return Err(failure.into_error(Some(value)));
    }
    if target.state.get() == State::Unstarted {
        if let Err(error) = bind(thread, target) {
            return Err(SwitchError::Stack { error, value: Some(value) });
        }
        begin(thread, target);
    }
    thread.current().awaits.set(family::<T>());
    // A value that arrives is dropped by its receiver, one that nobody wants by this frame.
    let mut sent = ManuallyDrop::new(value);
    thread.mail.set(if fits { Mail::Value((&raw mut sent).cast()) } else { Mail::Discarded });
    let target: *const Inner = target;
    // SAFETY: the target is another greenlet, active, with a stack, and awaits what is in the mailbox; `sent` stays in this
    // frame until the target has moved it out. This greenlet awaits a `T`.
    let got = unsafe {
        depart(thread, target);
        receive::<T>(thread)
    };
    if !fits {
        drop(ManuallyDrop::into_inner(sent));
    }
    got.open().map_err(|failure| failure.into_error(None))
}

/// Why nothing may be switched to, if so.
#[inline]
fn refusal<V>(thread: &Thread, target: &Inner) -> Option<impl FnOnce(V) -> SwitchError<V> + use<V>> {
    if !std::thread::panicking() && !thread.closed.get() {
        return None;
    }
    let to = (!thread.closed.get()).then(|| target.label());
    Some(|value| match to {
        Some(to) => SwitchError::Unwinding { to, value: Some(value) },
        None => SwitchError::Exited { value: Some(value) },
    })
}
