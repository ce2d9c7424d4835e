//! The switch for x86-64, System V calling convention.
//!
//! The items of this file must agree with each other and with nothing else: [`Frame`] is what [`exchange`] pushes, for
//! [`switch`], [`Frame::first`] builds one by hand for a stack that has not run, and that one goes on in [`start`].
//!
//! ```text
//!   a suspended stack                          a stack that has not run
//!
//!   higher addresses                           higher addresses
//!   │ frames of whoever switched │             │ Header                     │
//!   ├────────────────────────────┤             ├────────────────────────────┤ 16-aligned: the stack pointer in `start`
//!   │ return address, in `switch`│             │ address of `start`         │
//!   │ rbp                        │             │ address of the header      │
//!   │ rbx                        │             │ address of `begin`         │
//!   └────────────────────────────┘ ◀─ Context  └────────────────────────────┘ ◀─ Context
//!   lower addresses                            lower addresses
//! ```
//!
//! Only what the compiler takes to be preserved by any code is saved; it saves the rest around the switch where that is in use.
//! The rounding modes in MXCSR and in the x87 control word are the thread's, as they are for any call of a function that sets them.

use std::arch::{asm, naked_asm};

use super::Header;

/// What a suspended stack ends in, lowest address first.
#[repr(C)]
pub(super) struct Frame {
    rbx: usize,
    rbp: usize,
    return_address: usize,
}

impl Frame {
    /// What makes `switch` call `begin(header)` on a stack that has not run.
    pub(super) fn first(begin: unsafe extern "C" fn(*const Header) -> !, header: *const Header) -> Frame {
        Frame {
            rbx: begin as *const () as usize,
            rbp: header.expose_provenance(),
            return_address: start as *const () as usize,
        }
    }
}

/// Leaves the running stack, and stores in `*save` where to come back to; goes on at `to`. Returns when something switches
/// to what was stored, and then what that one gave for `with`.
///
/// # Safety
///
/// `to` was stored by a `switch` that has not been come back to, or points to a first frame; its stack is in place.
#[inline(always)]
pub(super) unsafe fn switch(save: *mut *mut Frame, to: *mut Frame, with: *const ()) -> *const () {
    let brought;
    // SAFETY: the caller's promise. When `exchange` returns, the stack is as it was, and so are the registers that are not
    // mentioned here. That it is called here and not by a call of the language's own is for the compiler to know that it
    // need not find all of them again that any function preserves: it keeps those few that are in use.
    unsafe {
        asm!(
            "call {exchange}",
            exchange = sym exchange,
            in("rdi") save,
            in("rsi") to,
            inlateout("rdx") with => brought,
            lateout("r12") _,
            lateout("r13") _,
            lateout("r14") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    brought
}

/// Where the stack pointer is: a frame is stored right below.
#[inline(always)]
pub(super) fn here() -> *const Frame {
    let here;
    // SAFETY: it reads a register.
    unsafe { asm!("mov {here}, rsp", here = out(reg) here, options(nomem, nostack, preserves_flags)) };
    here
}

/// The switch itself: to be called by [`switch`] only, which says what is where, and what is not preserved. What is in `rdx`
/// stays there.
///
/// The unwind information is the same on both sides of the change of stacks, because both are built alike.
#[unsafe(naked)]
unsafe extern "C" fn exchange() {
    naked_asm!(
        ".cfi_startproc",
        // What the compiler takes to be preserved by anything. The order is that of `Frame`, from its end.
        "push rbp",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rbp, 0",
        "push rbx",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rbx, 0",
        // The first argument: where the others find this stack again.
        "mov [rdi], rsp",
        // The second one. From here on this is the other stack.
        "mov rsp, rsi",
        // What was pushed there.
        "pop rbx",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore rbx",
        "pop rbp",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore rbp",
        // To where that one called from. Not `ret`: the processor would predict a return to where *this* stack called from,
        // which is right only if both called from the same place. docs/PERFORMANCE.md has the measurement.
        "pop rcx",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_register rip, rcx",
        "jmp rcx",
        ".cfi_endproc",
        // The function has a section of its own, which is aligned as the most aligned thing in it. All 13 bytes are so in one
        // cache line; where they are not, a round trip takes a quarter longer.
        ".p2align 6",
    )
}

/// The outermost frame of every stack: calls `begin(header)`, which does not return.
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".cfi_startproc",
        // Nothing called this: backtraces and unwinding end here.
        ".cfi_undefined rip",
        // The argument.
        "mov rdi, rbp",
        // Chains of frames end here.
        "xor ebp, ebp",
        // The stack pointer is 16-aligned here, as it has to be at a call.
        "call rbx",
        // Never reached. It also keeps the return address inside of this function, where unwinders look it up.
        "ud2",
        ".cfi_endproc",
    )
}

/// So many lines of the cache bring the end of a suspended stack nearer: the frame, and what is next to it. Three, because the
/// hundred bytes or so that a yield touches begin anywhere in the first one; one too few doubles the cost of a switch.
pub(super) const LINES: isize = 3;
