//! What happens when the last handle of a greenlet goes away.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering;

use crate::handle::AnyGreenlet;
use crate::inner::{Anything, Inner, Payload, State, release_weak};
use crate::mail::Got;
use crate::received::GreenletExit;
use crate::thread::{LEAKED, Thread};
use crate::throw::raise;
use crate::transfer::unbind;
use crate::unraisable::Unraisable;

/// Gives back a handle. The last one of a suspended greenlet kills it now; of an unstarted one, drops its body.
///
/// # Safety
///
/// The caller owned a handle of `inner`, and does not use `inner` again.
#[inline]
pub(crate) unsafe fn release(inner: *const Inner) {
    // SAFETY: no handle is left then, and the caller does not use the block again.
    unsafe {
        if give_back(inner) {
            abandoned(inner);
        }
    }
}

/// Takes a handle off the count; whether it was the last one.
///
/// # Safety
///
/// The caller owned a handle of `inner`.
#[inline]
unsafe fn give_back(inner: *const Inner) -> bool {
    // SAFETY: the caller's handle kept the block until now.
    let handles = unsafe { &(*inner).handles };
    handles.set(handles.get() - 1);
    handles.get() == 0
}

/// The block has no handles: ends the greenlet and frees the block, then goes on with its parent if that was the last child
/// to hold it. A loop, because chains of parents may be long.
///
/// # Safety
///
/// `inner` exists and has no handles; the caller does not use it again.
#[cold]
unsafe fn abandoned(mut inner: *const Inner) {
    loop {
        // SAFETY: nobody else frees a block that has no handles; the weak one taken here holds it while user code runs.
        let block = unsafe { &*inner };
        block.add_weak();
        let ended = (block.state.get() == State::Dead && !block.has_locals()) || end(block);
        let parent = if ended && block.handles.get() == 0 { block.parent.replace(ptr::null()) } else { ptr::null() };
        // SAFETY: the weak handle taken above; the reference is not used again.
        unsafe { release_weak(NonNull::from(block)) };
        if parent.is_null() {
            return;
        }
        // SAFETY: the edge that was just taken out was a handle.
        if !unsafe { give_back(parent) } {
            return;
        }
        inner = parent;
    }
}

/// Ends a greenlet that nobody holds; false if it goes on living.
fn end(inner: &Inner) -> bool {
    match inner.state.get() {
        State::Dead => {
            // A dead one can be given local values, too.
            drop_locals(inner);
            true
        }
        State::Unstarted => {
            end_unstarted(inner);
            true
        }
        // Main is kept by its thread and never gets here.
        State::Active => kill_abandoned(inner),
    }
}

/// Ends a greenlet that has not begun: it is dead before its body is dropped, so that code in there finds it so.
pub(crate) fn end_unstarted(inner: &Inner) {
    unbind(inner.thread(), inner);
    inner.state.set(State::Dead);
    inner.add_weak();
    drop_caught(inner, inner.body.take());
    drop_locals(inner);
    // SAFETY: the weak handle taken above. If that was all, the caller holds the block by a handle or weak one of its own.
    unsafe { release_weak(NonNull::from(inner)) };
}

/// Throws an exit into a suspended greenlet whose last handle is gone; its end comes back here. Whether it is dead then.
fn kill_abandoned(inner: &Inner) -> bool {
    let thread = inner.thread();
    if thread.is_closed() || inner.shielded.get() {
        return false;
    }
    if cfg!(panic = "abort") {
        give_up(thread, inner);
        return false;
    }
    let exit = GreenletExit::new("the last handle of the greenlet went away");
    // Its own code, and the hook, may take handles from this one. It is given back without a look at what is left, so that
    // one which catches the exit is not killed over and over.
    inner.add_handle();
    // SAFETY: active, not current, since the running greenlet has a running handle, and kept by the handle above.
    let got = unsafe { raise::<Anything>(thread, inner, Box::new(exit), true) };
    match got {
        Got::Raise(payload) => thread.unraisable(inner, Unraisable::Panicked(payload)),
        Got::Value(_) | Got::Nothing | Got::Exit(_) | Got::Failed(_) => {}
    }
    if inner.state.get() != State::Dead && inner.handles.get() == 1 {
        // It stays registered: it can still be ended by `enter`, and by its own code.
        thread.unraisable(inner, Unraisable::Survived);
    }
    inner.handles.set(inner.handles.get() - 1);
    inner.state.get() == State::Dead
}

/// Gives back a handle; if the greenlet is suspended, kills it as if that had been the last one. Its own children hold it, too, and it may
/// own those.
pub(crate) fn release_and_kill(greenlet: AnyGreenlet) {
    let inner = greenlet.inner();
    let around = inner.thread().current().descends_from(inner);
    if inner.state.get() != State::Active || around {
        return drop(greenlet);
    }
    kill_abandoned(inner);
    let_go(greenlet);
}

/// Gives back a handle that was made to kill the greenlet. If it lives, this does not kill it once more.
pub(crate) fn let_go(greenlet: AnyGreenlet) {
    let inner = greenlet.inner();
    if inner.state.get() == State::Active {
        inner.handles.set(inner.handles.get() - 1);
        std::mem::forget(greenlet);
    }
}

/// Stops counting on a stack: it is never resumed, unwound or used again.
pub(crate) fn give_up(thread: &Thread, inner: &Inner) {
    thread.unregister(inner);
    LEAKED.fetch_add(1, Ordering::Relaxed);
}

/// Drops the local values, and those that their destructors make. Where that has no end, the rest is leaked.
#[inline]
pub(crate) fn drop_locals(inner: &Inner) {
    if inner.has_locals() {
        drop_each_locals(inner);
    }
}

#[cold]
#[inline(never)]
fn drop_each_locals(inner: &Inner) {
    for _ in 0..100 {
        let Some(locals) = inner.locals.take() else { return };
        drop_caught(inner, locals);
    }
    std::mem::forget(inner.locals.take());
}

/// Drops a value of the user's. What its destructor raises goes to the hook, as nobody waits for it.
pub(crate) fn drop_caught<V>(inner: &Inner, value: V) {
    if !std::mem::needs_drop::<V>() {
        return;
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(move || drop(value))) {
        report(inner, payload);
    }
}

fn report(inner: &Inner, payload: Payload) {
    if payload.is::<GreenletExit>() {
        return;
    }
    inner.thread().unraisable(inner, Unraisable::Panicked(payload));
}
