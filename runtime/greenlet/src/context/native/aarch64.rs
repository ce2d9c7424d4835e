//! The switch for 64-bit ARM, AAPCS64.
//!
//! The three items of this file must agree with each other and with nothing else: [`Frame`] is what [`switch`] stores,
//! [`Frame::first`] builds one by hand for a stack that has not run, and that one returns into [`start`].
//!
//! ```text
//!   a suspended stack                          a stack that has not run
//!
//!   higher addresses                           higher addresses
//!   │ frames of whoever switched │             │ Header                     │
//!   ├────────────────────────────┤             ├────────────────────────────┤ 16-aligned: the stack pointer in `start`
//!   │ d8 … d15                   │             │ 0 …                        │
//!   │ x21 … x28                  │             │ 0 …                        │
//!   │ x20                        │             │ address of `begin`         │
//!   │ x19                        │             │ address of the header      │
//!   │ x30, the return address    │             │ address of `start`         │
//!   │ x29, the frame pointer     │             │ 0: ends chains of frames   │
//!   └────────────────────────────┘ ◀─ Context  └────────────────────────────┘ ◀─ Context
//!   lower addresses                            lower addresses
//! ```
//!
//! Only what a call must preserve is saved; the compiler saves the rest around the call where it is in use. x18 belongs to
//! the platform, and the rounding mode in FPCR is the thread's, as it is for any call of a function that sets it.

use std::arch::{asm, naked_asm};

use super::Header;

/// What a suspended stack ends in, lowest address first. Its 160 bytes stand in [`switch`], too.
#[repr(C)]
pub(super) struct Frame {
    x29: usize,
    return_address: usize,
    x19: usize,
    x20: usize,
    x21_to_x28: [usize; 8],
    d8_to_d15: [u64; 8],
}

const _: () = assert!(size_of::<Frame>() == 160);

impl Frame {
    /// What makes `switch` call `begin(header)` on a stack that has not run.
    pub(super) fn first(begin: unsafe extern "C" fn(*const Header) -> !, header: *const Header) -> Frame {
        Frame {
            x29: 0,
            return_address: start as *const () as usize,
            x19: header.expose_provenance(),
            x20: begin as *const () as usize,
            x21_to_x28: [0; 8],
            d8_to_d15: [0; 8],
        }
    }
}

/// Leaves the running stack, and stores in `*save` where to come back to; goes on at `to`. Returns when something switches
/// to what was stored, and then what that one gave for `with`.
///
/// The unwind information is the same on both sides of the change of stacks, because both are built alike.
///
/// # Safety
///
/// `to` was stored by a `switch` that has not been come back to, or points to a first frame; its stack is in place.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn switch(save: *mut *mut Frame, to: *mut Frame, with: *const ()) -> *const () {
    naked_asm!(
        ".cfi_startproc",
        // Room for a `Frame`, and its first two fields: a frame record, so that chains of frame pointers go through here.
        "stp x29, x30, [sp, #-160]!",
        ".cfi_def_cfa_offset 160",
        ".cfi_offset 29, -160",
        ".cfi_offset 30, -152",
        // What else the caller expects to find again.
        "stp x19, x20, [sp, #16]",
        "stp x21, x22, [sp, #32]",
        "stp x23, x24, [sp, #48]",
        "stp x25, x26, [sp, #64]",
        "stp x27, x28, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        ".cfi_offset 19, -144",
        ".cfi_offset 20, -136",
        ".cfi_offset 21, -128",
        ".cfi_offset 22, -120",
        ".cfi_offset 23, -112",
        ".cfi_offset 24, -104",
        ".cfi_offset 25, -96",
        ".cfi_offset 26, -88",
        ".cfi_offset 27, -80",
        ".cfi_offset 28, -72",
        ".cfi_offset 72, -64",
        ".cfi_offset 73, -56",
        ".cfi_offset 74, -48",
        ".cfi_offset 75, -40",
        ".cfi_offset 76, -32",
        ".cfi_offset 77, -24",
        ".cfi_offset 78, -16",
        ".cfi_offset 79, -8",
        // The first argument: where the others find this stack again. The stack pointer cannot be stored directly.
        "mov x9, sp",
        "str x9, [x0]",
        // The second one. From here on this is the other stack.
        "mov sp, x1",
        // The third one, which nothing has changed, is what that one's call returns.
        "mov x0, x2",
        // What was stored there.
        "ldp d14, d15, [sp, #144]",
        "ldp d12, d13, [sp, #128]",
        "ldp d10, d11, [sp, #112]",
        "ldp d8, d9, [sp, #96]",
        "ldp x27, x28, [sp, #80]",
        "ldp x25, x26, [sp, #64]",
        "ldp x23, x24, [sp, #48]",
        "ldp x21, x22, [sp, #32]",
        "ldp x19, x20, [sp, #16]",
        // The frame record last, and the room with it.
        "ldp x29, x30, [sp], #160",
        ".cfi_def_cfa_offset 0",
        ".cfi_restore 29",
        ".cfi_restore 30",
        // To where that one called from.
        "ret",
        ".cfi_endproc",
    )
}

/// Where the stack pointer is: a frame is stored right below.
#[inline(always)]
pub(super) fn here() -> *const Frame {
    let here;
    // SAFETY: it reads a register.
    unsafe { asm!("mov {here}, sp", here = out(reg) here, options(nomem, nostack, preserves_flags)) };
    here
}

/// The outermost frame of every stack: calls `begin(header)`, which does not return.
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".cfi_startproc",
        // Nothing called this: backtraces and unwinding end here.
        ".cfi_undefined 30",
        // The argument.
        "mov x0, x19",
        "blr x20",
        // Never reached. It also keeps the return address inside of this function, where unwinders look it up.
        "brk #1",
        ".cfi_endproc",
    )
}

/// So many lines of the cache bring the end of a suspended stack nearer: the frame, which is longer than two, and what is next to it.
pub(super) const LINES: isize = 4;
