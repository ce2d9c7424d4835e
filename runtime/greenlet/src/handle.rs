//! The handles that users hold.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use crate::builder::Builder;
use crate::error::{ParentError, StackError, SwitchError};
use crate::inner::{Inner, Payload, State};
use crate::lifetime::release;
use crate::received::{GreenletExit, NoValue, Received};
use crate::thread;
use crate::throw;
use crate::transfer::{self, any_handle};
use crate::weak::WeakGreenlet;

/// A handle of a greenlet, whatever the type of value that it takes. See [`Greenlet`].
///
/// It belongs to its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// send(greenlet::Greenlet::new(|()| ()));
/// ```
pub struct AnyGreenlet {
    inner: NonNull<Inner>,
}

impl AnyGreenlet {
    /// Takes over a handle that was counted.
    pub(crate) fn adopt(inner: NonNull<Inner>) -> AnyGreenlet {
        AnyGreenlet { inner }
    }

    #[inline]
    pub(crate) fn inner(&self) -> &Inner {
        // SAFETY: this handle keeps the block.
        unsafe { self.inner.as_ref() }
    }

    /// Gives up the handle, which goes on being counted.
    #[inline]
    pub(crate) fn into_inner(self) -> *const Inner {
        let inner = self.inner.as_ptr();
        std::mem::forget(self);
        inner
    }

    /// The handle as one that switches with values of type `T`.
    ///
    /// Switching compares `T` with what the greenlet awaits, so that a wrong cast is an error there.
    pub fn cast<T: 'static>(&self) -> Greenlet<T> {
        Greenlet { any: self.clone(), family: PhantomData }
    }

    /// Whether it has begun and not ended; true for main.
    pub fn is_active(&self) -> bool {
        self.inner().state.get() == State::Active
    }

    /// Whether it has ended.
    pub fn is_dead(&self) -> bool {
        self.inner().state.get() == State::Dead
    }

    /// Whether it is the one that is running.
    #[inline]
    pub fn is_current(&self) -> bool {
        self.inner().is_current()
    }

    /// Whether more than so many handles refer to it, that of running and those of its children included; or a weak one does.
    #[inline]
    pub fn is_held_beyond(&self, handles: u32) -> bool {
        self.inner().is_held_beyond(handles)
    }

    /// Whether it stands for the thread's own flow.
    pub fn is_main(&self) -> bool {
        self.inner().is_main()
    }

    /// A number that no other greenlet of the thread has; 0 for main.
    pub fn id(&self) -> u64 {
        self.inner().id.get()
    }

    /// The name that it was built with.
    pub fn name(&self) -> Option<&str> {
        self.inner().name.as_deref()
    }

    /// The greenlet that receives what this one ends with; none for main.
    ///
    /// While a greenlet is killed because its last handle went away, or by a destructor while the thread unwinds, that is
    /// the one that waits for the kill.
    pub fn parent(&self) -> Option<AnyGreenlet> {
        let inner = self.inner();
        inner.adopter().or(inner.parent()).map(any_handle)
    }

    /// Makes another greenlet the parent, at any time of this one's life. While it is killed, for afterwards.
    ///
    /// # Errors
    ///
    /// [`ParentError`] if the new parent is this greenlet or descends from it, or if this one is main.
    pub fn set_parent(&self, parent: &AnyGreenlet) -> Result<(), ParentError> {
        let inner = self.inner();
        if inner.is_main() {
            return Err(ParentError::Main);
        }
        if parent.inner().descends_from(inner) {
            return Err(ParentError::Cycle { child: inner.label(), parent: parent.inner().label() });
        }
        parent.inner().add_handle();
        let old = inner.parent.replace(parent.inner());
        // SAFETY: the edge that was taken out was a handle.
        unsafe { release(old) };
        Ok(())
    }

    /// The size of its stack in bytes, without the guard, as it was rounded up; 0 for main.
    pub fn stack_size(&self) -> usize {
        self.inner().stack_size
    }
}

impl Clone for AnyGreenlet {
    #[inline]
    fn clone(&self) -> AnyGreenlet {
        let inner = self.inner;
        self.inner().add_handle();
        AnyGreenlet { inner }
    }
}

impl Drop for AnyGreenlet {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this handle was counted and is not used again.
        unsafe { release(self.inner.as_ptr()) }
    }
}

impl PartialEq for AnyGreenlet {
    fn eq(&self, other: &AnyGreenlet) -> bool {
        self.inner == other.inner
    }
}

impl Eq for AnyGreenlet {}

impl fmt::Display for AnyGreenlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner().write_label(f)
    }
}

impl fmt::Debug for AnyGreenlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.inner().state.get() {
            State::Unstarted => "pending",
            State::Dead => "dead",
            State::Active if self.is_current() => "current",
            State::Active => "suspended",
        };
        let mut out = f.debug_struct("Greenlet");
        out.field("id", &self.id());
        if let Some(name) = self.name() {
            out.field("name", &name);
        }
        if self.is_main() {
            out.field("main", &true);
        }
        out.field("state", &format_args!("{state}")).finish()
    }
}

/// A handle of a greenlet: a flow of control with a stack of its own, which runs only when it is switched to.
///
/// `T` is the type of value that is passed at switches. Handles are cheap to clone and belong to their thread. When the last
/// one of a suspended greenlet is dropped, the greenlet is killed then and there: its stack unwinds.
///
/// The behaviour is that of the [greenlet](https://greenlet.readthedocs.io) package for Python.
///
/// # Examples
///
/// ```
/// use greenlet::{Greenlet, Received, main};
///
/// let echo = Greenlet::new(|first: i32| {
///     let second = main().switch(first + 1).unwrap().unwrap();
///     second * 10
/// });
/// assert_eq!(echo.switch(1)?, Received::Value(2));
/// assert_eq!(echo.switch(5)?, Received::Value(50));
/// assert!(echo.is_dead());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Greenlet<T: 'static = ()> {
    any: AnyGreenlet,
    family: PhantomData<fn(T) -> T>,
}

impl<T: 'static> Greenlet<T> {
    /// Takes over a handle that was counted.
    pub(crate) fn adopt(inner: NonNull<Inner>) -> Greenlet<T> {
        Greenlet { any: AnyGreenlet::adopt(inner), family: PhantomData }
    }

    /// The handle without the type.
    pub(crate) fn erase(self) -> AnyGreenlet {
        self.any
    }

    /// Makes a greenlet that will run `body` with the value of the first switch to it. Its parent is the current greenlet.
    ///
    /// No stack is taken before the first switch.
    #[must_use = "a greenlet whose last handle is dropped never runs"]
    #[track_caller]
    pub fn new(body: impl FnOnce(T) -> T + 'static) -> Greenlet<T> {
        Builder::new().build(body)
    }

    /// Switches to the greenlet with a value: starts it, or lets its pending switch return the value.
    ///
    /// Returns when something switches back to the caller, which is not necessarily this greenlet, with what that brings. A
    /// switch to a dead greenlet goes to its nearest live ancestor; where that is the caller, the value comes straight back.
    ///
    /// # Errors
    ///
    /// [`SwitchError`], with the value if it was not sent.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile, or what a child of the caller ends with, unless that is an exit.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn switch(&self, value: T) -> Result<Received<T>, SwitchError<T>> {
        match self.clone().exchange(value) {
            Ok(value) => Ok(Received::Value(value)),
            Err(other) => other.into_result(),
        }
    }

    /// [`switch`](Greenlet::switch) for callers that do so very often: it never unwinds, and its result is made for values, so that
    /// whatever else may come is boxed.
    ///
    /// The handle is given up. If it is the last one, the greenlet is held by nothing but that it runs, and is killed when it
    /// leaves for another one.
    ///
    /// # Errors
    ///
    /// [`NoValue`]: an exit, what was raised, or the error that `switch` returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenlet::{Greenlet, NoValue, main};
    ///
    /// let g = Greenlet::new(|n: u32| main().switch(n + 1).unwrap().unwrap());
    /// assert_eq!(g.clone().exchange(1).unwrap(), 2);
    ///
    /// std::panic::set_hook(Box::new(|_| ()));
    /// let child = Greenlet::new(|_: u32| panic!("oh"));
    /// let brought = child.exchange(1).map_err(|other| *other);
    /// assert!(matches!(brought, Err(NoValue::Raised(payload)) if *payload.downcast_ref::<&str>().unwrap() == "oh"));
    /// ```
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn exchange(self, value: T) -> Result<T, Box<NoValue<T>>> {
        transfer::exchange(self.any, value)
    }

    /// Raises `payload` in the greenlet, at its pending switch; returns as [`switch`](Greenlet::switch) does.
    ///
    /// An unstarted greenlet ends without running; an exit thrown into a dead one comes back as a value, anything else is
    /// raised in its nearest live ancestor. In the current greenlet it is raised at once.
    ///
    /// # Errors
    ///
    /// [`SwitchError`], with the payload if it was not thrown.
    ///
    /// # Panics
    ///
    /// As [`switch`](Greenlet::switch).
    pub fn throw(&self, payload: impl Any + Send) -> Result<Received<T>, SwitchError<Payload>> {
        self.throw_boxed(Box::new(payload))
    }

    /// [`throw`](Greenlet::throw) with a payload that is boxed already, as `catch_unwind` gives it.
    ///
    /// # Errors
    ///
    /// [`SwitchError`], with the payload if it was not thrown.
    pub fn throw_boxed(&self, payload: Payload) -> Result<Received<T>, SwitchError<Payload>> {
        throw::throw(self.any.inner(), payload)
    }

    /// Throws a [`GreenletExit`] into the greenlet. Its end reaches its parent as [`Received::Exit`].
    ///
    /// The greenlet may catch the exit and go on: ask [`is_dead`](AnyGreenlet::is_dead). While the thread unwinds this is
    /// the one operation that may switch; the caller then is the parent until the greenlet has ended.
    ///
    /// # Errors
    ///
    /// [`SwitchError`], with the exit if it was not thrown.
    ///
    /// # Panics
    ///
    /// As [`switch`](Greenlet::switch).
    pub fn kill(&self) -> Result<Received<T>, SwitchError<Payload>> {
        self.throw(GreenletExit::default())
    }

    /// Takes a stack for the greenlet now, so that the first switch to it cannot fail for want of one. Does nothing if it has
    /// begun.
    ///
    /// # Errors
    ///
    /// [`StackError`] if there is none; the greenlet stays as it is.
    pub fn reserve(&self) -> Result<(), StackError> {
        transfer::reserve(self.any.inner())
    }

    /// A handle that does not keep the greenlet.
    pub fn downgrade(&self) -> WeakGreenlet<T> {
        WeakGreenlet::new(self.any.inner())
    }
}

impl<T: 'static> Deref for Greenlet<T> {
    type Target = AnyGreenlet;

    fn deref(&self) -> &AnyGreenlet {
        &self.any
    }
}

impl<T: 'static> Clone for Greenlet<T> {
    #[inline]
    fn clone(&self) -> Greenlet<T> {
        Greenlet { any: self.any.clone(), family: PhantomData }
    }
}

impl<T: 'static> PartialEq for Greenlet<T> {
    fn eq(&self, other: &Greenlet<T>) -> bool {
        self.any == other.any
    }
}

impl<T: 'static> Eq for Greenlet<T> {}

impl<T: 'static> fmt::Display for Greenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.any, f)
    }
}

impl<T: 'static> fmt::Debug for Greenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.any, f)
    }
}

/// The running greenlet, as a target for values of type `T`.
///
/// Inside a greenlet's body any `T` will do: what another greenlet sends is compared with what the pending switch awaits.
#[inline]
pub fn current<T: 'static>() -> Greenlet<T> {
    any_handle(thread::this().current()).cast()
}

/// The main greenlet: this thread's own flow. It takes the type of its pending switch.
#[inline]
pub fn main<T: 'static>() -> Greenlet<T> {
    any_handle(thread::this().main()).cast()
}
