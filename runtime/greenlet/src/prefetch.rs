//! Telling the processor what will be read soon.

use std::ops::Range;
use std::ptr;

use crate::context::{self, Context};
use crate::handle::Greenlet;
use crate::inner::Inner;

/// Tells the processor that this will be read soon: it loads it while the program goes on. Worth it where what is next is known some
/// time before, and lies anywhere in much memory.
///
/// # Examples
///
/// ```
/// let numbers = [1, 2, 3];
/// greenlet::prefetch(&numbers);
/// ```
#[inline(always)]
pub fn prefetch<T: ?Sized>(what: &T) {
    let start = ptr::from_ref(what).cast::<()>();
    let bytes = size_of_val(what).max(1);
    lines(start, 0..bytes.div_ceil(LINE) as isize);
    line(start.wrapping_byte_add(bytes - 1));
}

/// [`prefetch`] of what lies at an address: the cache line there, if anything does.
///
/// # Examples
///
/// ```
/// let shared = std::sync::Arc::new(7);
/// let weak = std::sync::Arc::downgrade(&shared);
/// greenlet::prefetch_at(weak.as_ptr());
/// ```
#[inline(always)]
pub fn prefetch_at<T: ?Sized>(address: *const T) {
    line(address.cast());
}

impl<T: 'static> Greenlet<T> {
    /// Where its block is, for [`prefetch_at`]: what a switch to it looks at first.
    #[inline(always)]
    pub fn block(&self) -> *const () {
        ptr::from_ref(self.inner()).cast()
    }
}

/// A place on a stack, noted before that is left, to have it brought nearer before something goes on there: what a switch reads then, and
/// what is next to it. A hint: nothing is wrong if the stack is gone, or was left elsewhere. The default is nowhere.
///
/// # Examples
///
/// ```
/// use greenlet::{Greenlet, Spot, main};
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// let spot = Rc::new(Cell::new(Spot::default()));
/// let noted = spot.clone();
/// let g = Greenlet::new(move |()| {
///     noted.set(Spot::here());
///     main().switch(()).unwrap();
/// });
/// g.switch(())?;
/// spot.get().prefetch();
/// // Something else that takes a while, and then:
/// g.switch(())?;
/// # Ok::<(), greenlet::SwitchError<()>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Spot(usize);

impl Spot {
    /// Where the running stack is left by a switch that is made here.
    #[inline(always)]
    pub fn here() -> Spot {
        Spot(context::here().addr())
    }

    /// Brings what a switch needs nearer.
    #[inline(always)]
    pub fn prefetch(self) {
        let start: *const () = ptr::without_provenance(self.0);
        lines(start, 0..TOUCHED.div_ceil(LINE) as isize);
        line(start.wrapping_byte_add(TOUCHED - 1));
    }

    /// Brings lines of the cache nearer, counted from the one where the stack was left to those of the callers: for what goes on several
    /// calls deep, if there is time until then, as that of a system call.
    #[inline(always)]
    pub fn prefetch_lines(self, which: Range<isize>) {
        lines(ptr::without_provenance(self.0), which);
    }
}

/// So many bytes of a stack that was left are needed for a switch to it and a return or two.
const TOUCHED: usize = context::FRAME + 64;

/// The stack of a greenlet, if it has one, to be brought nearer: the reference is not kept.
#[inline(always)]
pub(crate) fn stack_of(inner: &Inner) -> Option<&Context> {
    // SAFETY: contexts are put in place and taken out by code that does not call back here.
    unsafe { (*inner.context.get()).as_ref() }
}

/// A line of the cache, in bytes: in most processors.
const LINE: usize = 64;

/// Brings these lines of the cache nearer, counted from the one of an address.
#[inline(always)]
pub(crate) fn lines(from: *const (), which: impl Iterator<Item = isize>) {
    for at in which {
        line(from.wrapping_byte_offset(at * LINE as isize));
    }
}

/// Brings one line of the cache nearer.
#[inline(always)]
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    expect(unused_variables, reason = "no such thing")
)]
fn line(address: *const ()) {
    // SAFETY: every x86-64 has the instruction, and it reads nothing, whatever the address.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    // SAFETY: a prefetch reads nothing, whatever the address.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
}
