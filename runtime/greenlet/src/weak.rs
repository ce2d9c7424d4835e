//! Handles that do not keep a greenlet.

use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::handle::Greenlet;
use crate::inner::{Inner, release_weak};
use crate::transfer::any_handle;

/// A handle that does not keep the greenlet; see [`Greenlet::downgrade`](crate::Greenlet::downgrade).
///
/// It belongs to its thread, too:
///
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// send(greenlet::Greenlet::new(|()| ()).downgrade());
/// ```
pub struct WeakGreenlet<T: 'static = ()> {
    inner: NonNull<Inner>,
    family: PhantomData<fn(T) -> T>,
}

impl<T: 'static> WeakGreenlet<T> {
    pub(crate) fn new(inner: &Inner) -> WeakGreenlet<T> {
        inner.add_weak();
        WeakGreenlet { inner: NonNull::from(inner), family: PhantomData }
    }

    /// A handle, if the greenlet still has one.
    pub fn upgrade(&self) -> Option<Greenlet<T>> {
        // SAFETY: this weak handle keeps the block.
        let inner = unsafe { self.inner.as_ref() };
        (inner.handles.get() != 0).then(|| any_handle(inner).cast())
    }
}

impl<T: 'static> Drop for WeakGreenlet<T> {
    fn drop(&mut self) {
        // SAFETY: this weak handle was counted and is not used again.
        unsafe { release_weak(self.inner) }
    }
}

impl<T: 'static> Clone for WeakGreenlet<T> {
    fn clone(&self) -> WeakGreenlet<T> {
        // SAFETY: this weak handle keeps the block.
        WeakGreenlet::new(unsafe { self.inner.as_ref() })
    }
}

impl<T: 'static> fmt::Debug for WeakGreenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(WeakGreenlet)")
    }
}
