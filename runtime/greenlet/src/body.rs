//! The body of a greenlet that has not begun, without its type.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;

use crate::thread::Thread;

/// A closure of any type; or the address of its box, if it is larger or more strictly aligned than an address.
type Data = MaybeUninit<*mut ()>;

/// What is known of a body's type.
pub(crate) struct Kind {
    /// Runs it and hands its outcome on. Returns when the stack is used again.
    pub(crate) run: unsafe fn(Data, &Thread),
    pub(crate) drop: unsafe fn(Data),
    /// Whether it wants to be started by an exit, too.
    pub(crate) takes_exit: bool,
}

pub(crate) struct Body {
    data: Data,
    kind: &'static Kind,
}

impl Body {
    /// # Safety
    ///
    /// The functions of `kind` take `F` for the type of what they are given.
    pub(crate) unsafe fn new<F>(closure: F, kind: &'static Kind) -> Body {
        let mut data = Data::uninit();
        if fits::<F>() {
            // SAFETY: as large as `F` at least, and aligned for it.
            unsafe { data.as_mut_ptr().cast::<F>().write(closure) };
        } else {
            data.write(Box::into_raw(Box::new(closure)).cast());
        }
        Body { data, kind }
    }

    pub(crate) fn takes_exit(&self) -> bool {
        self.kind.takes_exit
    }

    /// The closure, which the caller gives up or opens, if it is of this kind; else the body as it was.
    #[inline]
    pub(crate) fn into_data_of(self, kind: &'static Kind) -> Result<Data, Body> {
        match ptr::eq(self.kind, kind) {
            true => Ok(ManuallyDrop::new(self).data),
            false => Err(self),
        }
    }

    /// Runs it, as `Kind` says.
    ///
    /// # Safety
    ///
    /// What the function asks for.
    #[inline]
    pub(crate) unsafe fn run(self, thread: &Thread) {
        let body = ManuallyDrop::new(self);
        // SAFETY: the caller's promise; the closure is given up, since this value is not dropped.
        unsafe { (body.kind.run)(body.data, thread) }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // SAFETY: the closure belongs to this value, which is being dropped; `run` does not drop it.
        unsafe { (self.kind.drop)(self.data) }
    }
}

const fn fits<F>() -> bool {
    size_of::<F>() <= size_of::<Data>() && align_of::<F>() <= align_of::<Data>()
}

/// The closure that a body was made of.
///
/// # Safety
///
/// `data` is that of a body of an `F`, and given up.
#[inline]
pub(crate) unsafe fn open<F>(data: Data) -> F {
    // SAFETY: `Body::new` put the closure there, or the address of its box.
    unsafe {
        if fits::<F>() {
            return data.as_ptr().cast::<F>().read();
        }
        *Box::from_raw(data.assume_init().cast::<F>())
    }
}

/// # Safety
///
/// As `open`.
pub(crate) unsafe fn drop_closure<F>(data: Data) {
    // SAFETY: the caller's promise.
    drop(unsafe { open::<F>(data) });
}
