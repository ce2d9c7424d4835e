//! Telling Valgrind of stacks, so that a switch does not look to it like a stack pointer gone wild.
//!
//! A request is a sequence of instructions that does nothing on a processor and that Valgrind recognizes.

use std::ptr::NonNull;

const RUNNING_ON_VALGRIND: usize = 0x1001;
const STACK_REGISTER: usize = 0x1501;
const STACK_DEREGISTER: usize = 0x1502;

/// Whether the program runs under it.
pub(super) fn is_here() -> bool {
    request([RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0]) != 0
}

/// Names a stack to Valgrind; returns the number that it gave it, 0 outside of Valgrind.
pub(super) fn register(low: NonNull<u8>, high: NonNull<u8>) -> usize {
    request([STACK_REGISTER, low.as_ptr().expose_provenance(), high.as_ptr().expose_provenance() - 1, 0, 0, 0])
}

pub(super) fn deregister(number: usize) {
    request([STACK_DEREGISTER, number, 0, 0, 0, 0]);
}

#[cfg(target_arch = "x86_64")]
fn request(arguments: [usize; 6]) -> usize {
    let mut answer = 0;
    // SAFETY: four rotations by 128 bits in all and an exchange of a register with itself. Valgrind reads the six words.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            inout("rdx") answer,
            in("rax") arguments.as_ptr(),
            options(nostack),
        );
    }
    answer
}

#[cfg(target_arch = "aarch64")]
fn request(arguments: [usize; 6]) -> usize {
    let mut answer = 0;
    // SAFETY: four rotations by 128 bits in all and a move of a register to itself. Valgrind reads the six words.
    unsafe {
        std::arch::asm!(
            "ror x12, x12, #3",
            "ror x12, x12, #13",
            "ror x12, x12, #51",
            "ror x12, x12, #61",
            "orr x10, x10, x10",
            inout("x3") answer,
            in("x4") arguments.as_ptr(),
            options(nostack),
        );
    }
    answer
}
