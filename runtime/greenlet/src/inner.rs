//! The control block of a greenlet, and the counting of its handles.
//!
//! Handles are counted here and not by `Rc`: the last one going away may have to *resume* the greenlet (to unwind it), whose
//! own code may make new handles of itself. A block is freed when it is dead and neither handles nor weak ones are left.

use std::any::{Any, TypeId, type_name};
use std::cell::{Cell, UnsafeCell};
use std::fmt::{self, Write};
use std::hint::cold_path;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::rc::Rc;

use crate::body::Body;
use crate::context::Context;
use crate::local::Locals;
use crate::thread::Thread;

/// What a thrown greenlet unwinds with, as in `std::panic`.
pub type Payload = Box<dyn Any + Send>;

/// The type of value that a pending switch awaits, with its name for errors.
pub(crate) struct Family {
    pub(crate) id: TypeId,
    pub(crate) name: fn() -> &'static str,
}

/// Awaited by an operation that takes whatever comes and has no use for it.
pub(crate) struct Anything;

/// The family of `()`. A static has one address, where a constant may have one in each unit of the compiler's: what switches without a
/// value would then compare by the whole.
static NOTHING: Family = Family { id: TypeId::of::<()>(), name: type_name::<()> };

#[inline(always)]
pub(crate) fn family<T: 'static>() -> &'static Family {
    // Decided when this is compiled for `T`.
    if TypeId::of::<T>() == TypeId::of::<()>() {
        return &NOTHING;
    }
    const { &Family { id: TypeId::of::<T>(), name: type_name::<T> } }
}

impl Family {
    #[inline]
    pub(crate) fn is<T: 'static>(&self) -> bool {
        // The address first: it is in a register already. There may be several of one family, from several crates.
        std::ptr::eq(self, family::<T>()) || {
            cold_path();
            self.id == TypeId::of::<T>()
        }
    }
}

/// The life of a greenlet, from top to bottom; there is no way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Has a body; no stack is bound to it.
    Unstarted,
    /// Its body has begun and not ended: it is current, or suspended in a switch. Main is always here.
    Active,
    /// Ended. A switch to it goes to its nearest live ancestor.
    Dead,
}

/// The control block. It is reached through raw pointers by handles, child greenlets and the thread, and never moves. What a
/// switch needs comes first, and together.
#[repr(C, align(64))]
pub(crate) struct Inner {
    pub(crate) state: Cell<State>,
    /// Suspended in a kill that it made while the thread unwinds: raising here would abort the process.
    pub(crate) shielded: Cell<bool>,
    /// Handles: the user's, one while it is running, and one for each existing child.
    pub(crate) handles: Cell<u32>,
    weak: Cell<u32>,
    /// Active, not main, and not given up (`Thread::register`). False in a place that holds no block, too (`Blocks`).
    pub(crate) registered: Cell<bool>,
    /// What the pending switch awaits; for an unstarted one, what its body takes.
    pub(crate) awaits: Cell<&'static Family>,
    pub(crate) thread: NonNull<Thread>,
    /// The stack, from the first switch until the result has been taken from it.
    pub(crate) context: UnsafeCell<Option<Context>>,
    /// Null only for main. The edge is a handle.
    pub(crate) parent: Cell<*const Inner>,
    /// Who waits in a kill of this one, until that has ended; else null. No handle.
    pub(crate) lent: Cell<*const Inner>,
    pub(crate) body: Cell<Option<Body>>,
    pub(crate) locals: Cell<Option<Locals>>,
    pub(crate) name: Option<Rc<str>>,
    pub(crate) stack_size: usize,
    pub(crate) id: Cell<u64>,
    /// Where it was made.
    pub(crate) site: &'static Location<'static>,
}

/// A million greenlets have a million of them, and a switch touches the first line of two.
/// The portable context is larger.
const _: () = assert!(size_of::<Inner>() <= 128 || size_of::<Option<Context>>() > 16);

impl Inner {
    /// A block with one handle, and nothing else.
    #[track_caller]
    pub(crate) fn new(thread: NonNull<Thread>, state: State, awaits: &'static Family) -> Inner {
        Inner {
            state: Cell::new(state),
            handles: Cell::new(1),
            weak: Cell::new(0),
            awaits: Cell::new(awaits),
            thread,
            parent: Cell::new(ptr::null()),
            lent: Cell::new(ptr::null()),
            context: UnsafeCell::new(None),
            body: Cell::new(None),
            registered: Cell::new(false),
            shielded: Cell::new(false),
            locals: Cell::new(None),
            name: None,
            stack_size: 0,
            id: Cell::new(0),
            site: Location::caller(),
        }
    }

    /// The reference is good for as long as the caller runs, as that of `thread::this`.
    pub(crate) fn thread<'a>(&self) -> &'a Thread {
        // SAFETY: a thread's state outlives its control blocks and its frames (`thread::Owner`), and handles do not leave the
        // thread.
        unsafe { self.thread.as_ref() }
    }

    pub(crate) fn is_main(&self) -> bool {
        self.parent.get().is_null()
    }

    pub(crate) fn is_current(&self) -> bool {
        ptr::eq(self.thread().current.get(), self)
    }

    /// This one, or the nearest ancestor that is not dead.
    pub(crate) fn nearest_live(&self) -> &Inner {
        let mut inner = self;
        while inner.state.get() == State::Dead {
            inner = inner.parent().unwrap_or(self.thread().main());
        }
        inner
    }

    /// Whether `other` is this one or an ancestor of it.
    pub(crate) fn descends_from(&self, other: &Inner) -> bool {
        let mut at = Some(self);
        while let Some(inner) = at {
            if ptr::eq(inner, other) {
                return true;
            }
            at = inner.parent();
        }
        false
    }

    /// Who kills this one at present, and receives its end in place of the parent.
    pub(crate) fn adopter(&self) -> Option<&Inner> {
        // SAFETY: set only while that one is suspended in `throw::raise`, which resets it: an active block is not freed.
        unsafe { self.lent.get().as_ref() }
    }

    /// Its local values, made if there are none.
    pub(crate) fn locals(&self) -> Locals {
        let locals = self.locals.take().unwrap_or_default();
        self.locals.set(Some(locals.clone()));
        locals
    }

    #[inline]
    pub(crate) fn has_locals(&self) -> bool {
        let locals = self.locals.take();
        let has = locals.is_some();
        self.locals.set(locals);
        has
    }

    /// Whether more than so many handles refer to the block, or a weak one.
    #[inline]
    pub(crate) fn is_held_beyond(&self, handles: u32) -> bool {
        self.handles.get() > handles || self.weak.get() != 0
    }

    pub(crate) fn parent(&self) -> Option<&Inner> {
        // SAFETY: the edge is a handle, so the parent exists as long as this block holds it.
        unsafe { self.parent.get().as_ref() }
    }

    #[inline]
    pub(crate) fn add_handle(&self) {
        let handles = self.handles.get().wrapping_add(1);
        self.handles.set(handles);
        if handles == 0 {
            too_many();
        }
    }

    pub(crate) fn add_weak(&self) {
        let Some(weak) = self.weak.get().checked_add(1) else { too_many() };
        self.weak.set(weak);
    }

    /// How it is called in messages.
    pub(crate) fn label(&self) -> String {
        let mut label = String::new();
        // A string takes whatever is written.
        let _ = self.write_label(&mut label);
        label
    }

    /// Writes how it is called, as a signal handler may.
    pub(crate) fn write_label(&self, out: &mut dyn Write) -> fmt::Result {
        match &self.name {
            Some(name) => write!(out, "greenlet {} \"{name}\"", self.id.get()),
            None if self.is_main() => out.write_str("the main greenlet"),
            None => write!(out, "greenlet {}", self.id.get()),
        }
    }
}

/// More than four billion handles of one greenlet, which only forgetting them makes possible. No panic, as in `Rc`: handles are
/// also taken in the middle of a switch.
#[cold]
fn too_many() -> ! {
    eprintln!("more than {} handles of one greenlet", u32::MAX);
    std::process::abort();
}

/// Takes back a weak handle.
///
/// # Safety
///
/// The caller owned one, and does not use `inner` again.
pub(crate) unsafe fn release_weak(inner: NonNull<Inner>) {
    // SAFETY: the weak handle kept the block until now.
    let block = unsafe { inner.as_ref() };
    block.weak.set(block.weak.get() - 1);
    // SAFETY: freed if this was the last thing that referred to it.
    unsafe { free_if_unused(inner) };
}

/// Frees the block if it is dead and nothing refers to it.
///
/// # Safety
///
/// The caller does not use `inner` again.
pub(crate) unsafe fn free_if_unused(inner: NonNull<Inner>) {
    // SAFETY: whoever calls this had a reference until now.
    let block = unsafe { inner.as_ref() };
    if block.state.get() != State::Dead || block.handles.get() != 0 || block.weak.get() != 0 {
        return;
    }
    // A dead block without handles has lost its parent edge, which is what remains to be counted.
    if !block.parent.get().is_null() {
        return;
    }
    // SAFETY: blocks other than main's were made there (`Builder::build`), and nothing refers to this one any more.
    unsafe { block.thread().blocks.free(inner) };
}
