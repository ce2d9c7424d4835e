//! Telling the processor what will be read soon.

use std::ptr;

use crate::context::Context;
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
    /// Tells the processor that the greenlet will be switched to soon. Worth it where many take turns and the next but one is
    /// known.
    #[inline]
    pub fn prefetch(&self) {
        if let Some(stack) = stack_of(self.inner()) {
            stack.prefetch();
        }
    }

    /// Brings what a handle refers to nearer, which [`prefetch`](Greenlet::prefetch) would have to wait for.
    #[inline]
    pub fn prefetch_block(&self) {
        prefetch(self.inner());
    }

    /// [`prefetch`](Greenlet::prefetch) of a kilobyte of its stack: for one that goes on several calls deep, and if there is time until
    /// then, as that of a system call.
    #[inline]
    pub fn prefetch_deeply(&self) {
        if let Some(stack) = stack_of(self.inner()) {
            stack.prefetch_deeply();
        }
    }
}

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
