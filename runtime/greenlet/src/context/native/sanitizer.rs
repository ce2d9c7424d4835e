//! Telling the address sanitizer of switches, under `--cfg greenlet_asan`; nothing otherwise.
//!
//! It must know on which stack the program is: for what lies on it, for its second, "fake" stack, and to clear a stack's
//! marks when a panic unwinds it.

#[cfg(greenlet_asan)]
pub(super) use annotated::*;
#[cfg(not(greenlet_asan))]
pub(super) use silent::*;

#[cfg(greenlet_asan)]
mod annotated {
    use std::ffi::c_void;
    use std::ptr;

    unsafe extern "C" {
        fn __sanitizer_start_switch_fiber(save: *mut *mut c_void, bottom: *const c_void, size: usize);
        fn __sanitizer_finish_switch_fiber(fake: *mut c_void, bottom: *mut *const c_void, size: *mut usize);
        fn __asan_unpoison_memory_region(start: *const c_void, size: usize);
    }

    /// What the sanitizer keeps for a stack while that is left.
    pub(in super::super) struct Left(*mut c_void);

    /// Announces a switch to a stack, given by its lowest address and its size.
    #[inline(always)]
    pub(in super::super) fn leave(to: impl FnOnce() -> (*const u8, usize)) -> Left {
        let (bottom, size) = to();
        let mut fake = ptr::null_mut();
        // SAFETY: the bounds are those of the stack that is switched to next; `fake` is handed back on arrival.
        unsafe { __sanitizer_start_switch_fiber(&raw mut fake, bottom.cast(), size) };
        Left(fake)
    }

    /// The same, for a stack that begins anew when it is switched to again: its fake stack is given up.
    #[inline(always)]
    pub(in super::super) fn leave_finally(to: impl FnOnce() -> (*const u8, usize)) {
        let (bottom, size) = to();
        // SAFETY: the bounds are those of the stack that is switched to next.
        unsafe { __sanitizer_start_switch_fiber(ptr::null_mut(), bottom.cast(), size) };
    }

    /// The switch back has been made.
    #[inline(always)]
    pub(in super::super) fn arrive(left: &Left) {
        // SAFETY: `left` comes from this stack's last departure.
        unsafe { __sanitizer_finish_switch_fiber(left.0, ptr::null_mut(), ptr::null_mut()) };
    }

    /// A stack runs for the first time. Tells from which one: the root's bounds are known in no other way.
    #[inline(always)]
    pub(in super::super) fn begin() -> (*const u8, usize) {
        let (mut bottom, mut size) = (ptr::null(), 0);
        // SAFETY: nothing was saved for a stack that has not run; the two receive what was left.
        unsafe { __sanitizer_finish_switch_fiber(ptr::null_mut(), &raw mut bottom, &raw mut size) };
        (bottom.cast(), size)
    }

    /// Clears what frames that are gone without having returned have marked.
    pub(in super::super) fn clear(start: *const u8, size: usize) {
        // SAFETY: a whole stack that nobody uses.
        unsafe { __asan_unpoison_memory_region(start.cast(), size) };
    }
}

#[cfg(not(greenlet_asan))]
mod silent {
    pub(in super::super) struct Left;

    #[inline(always)]
    pub(in super::super) fn leave(_to: impl FnOnce() -> (*const u8, usize)) -> Left {
        Left
    }

    #[inline(always)]
    pub(in super::super) fn leave_finally(_to: impl FnOnce() -> (*const u8, usize)) {}

    #[inline(always)]
    pub(in super::super) fn arrive(_left: &Left) {}

    #[inline(always)]
    pub(in super::super) fn begin() -> (*const u8, usize) {
        (std::ptr::null(), 0)
    }

    #[inline(always)]
    pub(in super::super) fn clear(_start: *const u8, _size: usize) {}
}
