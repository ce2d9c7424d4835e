//! Telling the thread sanitizer of stacks and switches, under `--cfg greenlet_tsan`; nothing otherwise.
//!
//! It keeps a call stack and a clock for each thread, which it does not expect to jump. So each of our stacks is a "fiber" to it.
//! A switch between two orders what happens before it and after it: they are of one thread.

#[cfg(greenlet_tsan)]
pub(super) use annotated::*;
#[cfg(not(greenlet_tsan))]
pub(super) use silent::*;

#[cfg(greenlet_tsan)]
mod annotated {
    use std::ffi::c_void;

    unsafe extern "C" {
        fn __tsan_get_current_fiber() -> *mut c_void;
        fn __tsan_create_fiber(flags: u32) -> *mut c_void;
        fn __tsan_destroy_fiber(fiber: *mut c_void);
        fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: u32);
    }

    /// What the sanitizer knows a stack by.
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Fiber(*mut c_void);

    /// That of the running stack.
    pub(in super::super) fn current() -> Fiber {
        // SAFETY: it only asks.
        Fiber(unsafe { __tsan_get_current_fiber() })
    }

    /// There is a new stack.
    pub(in super::super) fn create() -> Fiber {
        // SAFETY: it is destroyed with the stack.
        Fiber(unsafe { __tsan_create_fiber(0) })
    }

    /// A stack goes.
    pub(in super::super) fn destroy(fiber: Fiber) {
        // SAFETY: nobody runs on it any more.
        unsafe { __tsan_destroy_fiber(fiber.0) };
    }

    /// Announces a switch, which is made before the caller returns.
    #[inline(always)]
    pub(in super::super) fn switch_to(fiber: impl FnOnce() -> Fiber) {
        let fiber = fiber();
        // SAFETY: a fiber of this thread, not destroyed.
        unsafe { __tsan_switch_to_fiber(fiber.0, 0) };
    }
}

#[cfg(not(greenlet_tsan))]
mod silent {
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Fiber;

    #[inline(always)]
    pub(in super::super) fn current() -> Fiber {
        Fiber
    }

    #[inline(always)]
    pub(in super::super) fn create() -> Fiber {
        Fiber
    }

    #[inline(always)]
    pub(in super::super) fn destroy(_fiber: Fiber) {}

    #[inline(always)]
    pub(in super::super) fn switch_to(_fiber: impl FnOnce() -> Fiber) {}
}
