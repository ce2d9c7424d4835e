//! Throwing: how a panic or an exit is raised in another greenlet.

use std::ptr;

use crate::error::SwitchError;
use crate::inner::{Inner, Payload, State, family};
use crate::lifetime::{drop_caught, end_unstarted};
use crate::mail::Got;
use crate::received::{GreenletExit, Received};
use crate::route::route;
use crate::thread::Thread;
use crate::trace::{self, EventKind};
use crate::transfer::{begin, depart, ended_by, receive, unbind};

/// `throw`, whatever the state of the target.
pub(crate) fn throw<T: 'static>(target: &Inner, payload: Payload) -> Result<Received<T>, SwitchError<Payload>> {
    let thread = target.thread();
    let unwinding = std::thread::panicking();
    // While the thread unwinds, what is killed has to come back here by its end; main has none.
    let refused = thread.is_closed() || (unwinding && (target.is_main() || !payload.is::<GreenletExit>()));
    let raises = target.state.get() == State::Active || !payload.is::<GreenletExit>();
    if cfg!(panic = "abort") && raises {
        return Err(SwitchError::Unsupported { value: Some(payload) });
    }
    if target.shielded.get() || target.is_current() && unwinding || refused {
        return Err(match thread.is_closed() {
            true => SwitchError::Exited { value: Some(payload) },
            false => SwitchError::Unwinding { to: target.label(), value: Some(payload) },
        });
    }
    if target.state.get() == State::Active {
        if target.is_current() {
            return settle_here(thread, target, Got::Raise(payload));
        }
        // SAFETY: active and not current; the caller borrows a handle of it.
        let got = unsafe { raise::<T>(thread, target, payload, unwinding) };
        return got.open().map_err(|failure| failure.into_error(None));
    }
    throw_to_ancestor(thread, target, payload)
}

/// What is thrown into a greenlet without frames ends it, if it has not begun, and goes to its nearest live ancestor.
fn throw_to_ancestor<T: 'static>(
    thread: &Thread,
    target: &Inner,
    mut payload: Payload,
) -> Result<Received<T>, SwitchError<Payload>> {
    let unstarted = target.state.get() == State::Unstarted;
    if unstarted {
        end_unstarted(target);
        let traced = thread.is_traced();
        if let Some(raised) = traced.then(|| trace::call(thread, thread.current(), target, EventKind::Throw)).flatten()
        {
            drop_caught(target, std::mem::replace(&mut payload, raised));
        }
    }
    let mut outcome = ended_by::<T>(payload);
    let origin = if unstarted { target } else { thread.current() };
    if std::thread::panicking() || matches!(outcome, Got::Exit(_)) && target.nearest_live().is_current() {
        return settle_here(thread, origin, outcome);
    }
    let receiver = route(thread, target, &mut outcome);
    // Asked once more: the destructors in there may have switched, and this greenlet be killed by one that unwinds.
    if receiver.is_current() || std::thread::panicking() {
        unbind(thread, receiver);
        return settle_here(thread, origin, outcome);
    }
    let receiver: *const Inner = receiver;
    thread.current().awaits.set(family::<T>());
    thread.mail.leave_cold(outcome);
    if unstarted && thread.is_traced() {
        thread.posing.set(target);
    }
    // SAFETY: `route` found an active receiver, or bound a stack to an unstarted one; what is in the mailbox is no value.
    let got = unsafe {
        begin(thread, &*receiver);
        depart(thread, receiver);
        receive::<T>(thread)
    };
    got.open().map_err(|failure| failure.into_error(None))
}

/// The thrower itself is who receives the outcome.
fn settle_here<T>(thread: &Thread, origin: &Inner, outcome: Got<T>) -> Result<Received<T>, SwitchError<Payload>> {
    trace::replace(thread, origin, outcome).open().map_err(|failure| failure.into_error(None))
}

/// Raises `payload` in a suspended greenlet and takes what comes back.
///
/// With `adopt` the end of the target comes back here, whatever its parent is by then. While the thread unwinds that is
/// what keeps the panics in order: nothing that a destructor kills can end anywhere else. A greenlet that waits here then is
/// shielded, because raising in it would be a second panic in a destructor, which aborts.
///
/// # Safety
///
/// The target is active and not current, and the caller keeps a handle of it until this returns.
pub(crate) unsafe fn raise<T: 'static>(thread: &Thread, target: &Inner, payload: Payload, adopt: bool) -> Got<T> {
    let current = thread.current();
    if adopt {
        target.lent.set(current);
    }
    let shielded = current.shielded.replace(std::thread::panicking());
    current.awaits.set(family::<T>());
    thread.mail.leave_cold::<T>(Got::Raise(payload));
    // SAFETY: the target is active and not current, and a raise fits every pending switch. The caller keeps its block, the
    // running handle that of the current greenlet.
    let got = unsafe {
        depart(thread, target);
        receive::<T>(thread)
    };
    let current = thread.current();
    current.shielded.set(shielded);
    // It may have lived on, and been adopted by another one since.
    if ptr::eq(target.lent.get(), current) {
        target.lent.set(ptr::null());
    }
    got
}
