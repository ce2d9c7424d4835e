//! How large the stacks of tasklets are, and how deep they are used.

use std::fmt;

use crate::core::Scheduler;
use crate::hooks::alert;
use crate::table::Key;

/// Begins or ends to measure how deep the tasklets of this thread use their stacks; returns whether that was done before.
/// [`stack_peaks`](greenlet::stack_peaks) has the result, by the place where they were spawned.
///
/// Use it to find out which stack sizes a program needs: run it under its heaviest load, and give each tasklet a few times what
/// was measured ([`Builder::stack_size`](crate::Builder::stack_size)). While it is on, the end of every tasklet costs a few
/// system calls. Beginning forgets what was measured before. Greenlets that are switched by hand are measured, too, by the place
/// where they were made. On the `portable` context nothing is measured.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{measure_stacks, run, spawn, stack_peaks};
///
/// measure_stacks(true);
/// spawn(|| std::hint::black_box([1_u8; 20_000]).len()).detach();
/// run();
/// measure_stacks(false);
/// for peak in stack_peaks() {
///     println!("{} tasklets spawned at {}: up to {} bytes", peak.ended, peak.site, peak.bytes);
/// }
/// ```
pub fn measure_stacks(on: bool) -> bool {
    Scheduler::local().core.hooks.alert(alert::MEASURE, on);
    greenlet::measure_stacks(on)
}

/// How large a stack is wanted, if not as usual: a power of two, as all stacks are, in one byte.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StackSize(u8);

impl StackSize {
    /// The most that can be wanted.
    const MOST: u8 = 32;

    /// Room for so many bytes.
    pub(crate) fn holding(bytes: usize) -> StackSize {
        let whole = bytes.checked_next_power_of_two().map_or(StackSize::MOST, |whole| whole.trailing_zeros() as u8);
        StackSize(whole.clamp(1, StackSize::MOST))
    }

    /// In bytes; none is the usual size.
    #[inline]
    pub(crate) fn bytes(self) -> Option<usize> {
        (self.0 != 0).then(|| 1_usize.checked_shl(self.0.into()).unwrap_or(usize::MAX))
    }

    /// The other one, if this is the usual size.
    pub(crate) fn or(self, other: StackSize) -> StackSize {
        if self.0 == 0 { other } else { self }
    }
}

impl fmt::Debug for StackSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes() {
            Some(bytes) => bytes.fmt(f),
            None => f.write_str("default"),
        }
    }
}

impl Scheduler {
    /// Notes how deep an ending tasklet has used the stack that it runs on.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_stack_use(&self, me: Key) {
        let site = self.core.table.borrow().get(me).spawned_at;
        greenlet::note_stack_use(site);
    }
}
