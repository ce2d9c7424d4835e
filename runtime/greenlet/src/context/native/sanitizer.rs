//! Telling the address sanitizer of switches, under `--cfg greenlet_asan`; nothing otherwise.
//!
//! It must know on which stack the program is: for what lies on it, for its second, "fake" stack, and to clear a stack's
//! marks when a panic unwinds it. The leak sanitizer looks for pointers there.

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
        fn __lsan_register_root_region(start: *const c_void, size: usize);
        fn __lsan_unregister_root_region(start: *const c_void, size: usize);
    }

    /// What the sanitizer keeps for a stack while that is left: its fake stack.
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Left(*mut c_void);

    /// There is a new stack. What is found through it is not leaked.
    pub(in super::super) fn register(start: *const u8, size: usize) -> Left {
        // SAFETY: a stack that stays until `deregister`.
        unsafe { __lsan_register_root_region(start.cast(), size) };
        Left(ptr::null_mut())
    }

    /// Nothing on this stack is needed any more: clears what frames have marked that are gone without having returned.
    pub(in super::super) fn clear(start: *const u8, size: usize) {
        // SAFETY: a whole stack that nobody uses.
        unsafe { __asan_unpoison_memory_region(start.cast(), size) };
    }

    /// A stack goes, and what is kept for it.
    pub(in super::super) fn deregister(start: *const u8, size: usize, left: Left) {
        let (mut here, mut bottom, mut length) = (ptr::null_mut(), ptr::null(), 0);
        // SAFETY: a whole stack that nobody uses. Its fake stack goes when it is left with nowhere to save that, so this pretends
        // to switch there and back; nothing else is called meanwhile.
        unsafe {
            __sanitizer_start_switch_fiber(&raw mut here, start.cast(), size);
            __sanitizer_finish_switch_fiber(left.0, &raw mut bottom, &raw mut length);
            __sanitizer_start_switch_fiber(ptr::null_mut(), bottom, length);
            __sanitizer_finish_switch_fiber(here, ptr::null_mut(), ptr::null_mut());
            __lsan_unregister_root_region(start.cast(), size);
        }
    }

    /// Announces a switch to a stack, given by its lowest address and its size.
    #[inline(always)]
    pub(in super::super) fn leave(to: impl FnOnce() -> (*const u8, usize)) -> Left {
        let (bottom, size) = to();
        let mut fake = ptr::null_mut();
        // SAFETY: the bounds are those of the stack that is switched to next; `fake` is handed back on arrival.
        unsafe { __sanitizer_start_switch_fiber(&raw mut fake, bottom.cast(), size) };
        Left(fake)
    }

    /// The switch back has been made.
    #[inline(always)]
    pub(in super::super) fn arrive(left: Left) {
        // SAFETY: `left` comes from this stack's last departure.
        unsafe { __sanitizer_finish_switch_fiber(left.0, ptr::null_mut(), ptr::null_mut()) };
    }

    /// A stack begins. Tells from which one: the root's bounds are known in no other way.
    #[inline(always)]
    pub(in super::super) fn begin(left: Left) -> (*const u8, usize) {
        let (mut bottom, mut size) = (ptr::null(), 0);
        // SAFETY: what was saved when it was left finally, or nothing for a new stack; the two receive what was left.
        unsafe { __sanitizer_finish_switch_fiber(left.0, &raw mut bottom, &raw mut size) };
        (bottom.cast(), size)
    }
}

#[cfg(not(greenlet_asan))]
mod silent {
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Left;

    #[inline(always)]
    pub(in super::super) fn register(_start: *const u8, _size: usize) -> Left {
        Left
    }

    #[inline(always)]
    pub(in super::super) fn clear(_start: *const u8, _size: usize) {}

    #[inline(always)]
    pub(in super::super) fn deregister(_start: *const u8, _size: usize, _left: Left) {}

    #[inline(always)]
    pub(in super::super) fn leave(_to: impl FnOnce() -> (*const u8, usize)) -> Left {
        Left
    }

    #[inline(always)]
    pub(in super::super) fn arrive(_left: Left) {}

    #[inline(always)]
    pub(in super::super) fn begin(_left: Left) -> (*const u8, usize) {
        (std::ptr::null(), 0)
    }
}
