//! Chance that can be repeated, and the trace that a program leaves.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::{Display, Write};
use std::hint::black_box;

use greenlet::GreenletExit;
use tasklets::TaskletExit;

/// What is raised on purpose.
pub(crate) struct Boom(pub(crate) u32);

/// Random numbers from a seed (xorshift).
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    /// A number from 0 up to, and without, `limit`.
    pub(crate) fn below(&self, limit: usize) -> usize {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        (x >> 11) as usize % limit
    }
}

/// What happened, a line for each event.
#[derive(Default)]
pub(crate) struct Trace(RefCell<String>);

impl Trace {
    pub(crate) fn log(&self, who: impl Display, what: impl Display) {
        writeln!(self.0.borrow_mut(), "{who}: {what}").expect("text can be written to");
    }

    pub(crate) fn take(&self) -> String {
        self.0.take()
    }
}

/// What was raised, as text.
pub(crate) fn payload(payload: &(dyn Any + Send)) -> String {
    if let Some(Boom(n)) = payload.downcast_ref() {
        return format!("boom {n}");
    }
    if payload.is::<GreenletExit>() || payload.is::<TaskletExit>() {
        return "exit".to_owned();
    }
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_default();
    // The sizes and limits in there are the context's.
    if text.contains("no stack of") { "panic: no stack".to_owned() } else { format!("panic {text}") }
}

/// Calls itself to a depth and then `last`, with integers and floats in registers and on the stack that it checks afterwards.
#[inline(never)]
pub(crate) fn deep(depth: usize, seed: u64, last: &dyn Fn()) -> u64 {
    let numbers = black_box([seed, seed.rotate_left(7), seed.rotate_left(19), seed.rotate_left(31)]);
    let floats = black_box([seed as f64, (seed as f64).sqrt(), 1.0 / (seed as f64 + 1.0), 0.5]);
    let (mut a, mut b, mut c) = (numbers[0] ^ 1, numbers[1] ^ 2, numbers[2] ^ 3);
    let (mut x, mut y) = (floats[0] + 1.0, floats[1] * 0.25);
    let below = if depth == 0 {
        last();
        0
    } else {
        deep(depth - 1, seed.wrapping_mul(31).wrapping_add(7), last)
    };
    // Rounding and exceptions of floats are the thread's state, too: a third is inexact.
    x = (x + floats[2]) / 3.0;
    y = y.mul_add(3.0, floats[3]);
    a = a.wrapping_add(numbers[3]);
    b = b.rotate_left(3) ^ below;
    c = c.wrapping_mul(0x9E37_79B9);
    a ^ b ^ c ^ x.to_bits() ^ y.to_bits()
}
