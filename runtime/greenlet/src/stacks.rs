//! Stacks as their user sees them: how many and how deep, what is kept, and what is given back.

use std::collections::HashMap;
use std::panic::Location;

use crate::context::{self, Refusals};
use crate::handle::AnyGreenlet;
use crate::thread::{self, Thread};

/// How much of a greenlet's stack is in use.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackUsage {
    /// The size of the stack in bytes, without its guard.
    pub size: usize,
    /// How many bytes of it have memory. That is how deep it was ever used, in whole pages, by this greenlet or by one that
    /// had the stack before.
    pub used: usize,
}

/// What this thread's stacks take of the process.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StackMemory {
    /// Stacks bound to greenlets.
    pub live: usize,
    /// Idle stacks in the pool.
    pub pooled: usize,
    /// Address space that is mapped for stacks and guards, in bytes.
    pub reserved: usize,
    /// Memory that stacks have, in bytes.
    pub resident: usize,
}

/// How deep the greenlets that were made at one place have used their stacks.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackPeak {
    /// Where they were made.
    pub site: &'static Location<'static>,
    /// The most that one of them used, in bytes, in whole pages.
    pub bytes: usize,
    /// How many have ended while this was measured.
    pub ended: u64,
}

/// What [`measure_stacks`] collects.
#[derive(Debug, Default)]
pub(crate) struct Peaks(HashMap<&'static Location<'static>, (usize, u64)>);

impl AnyGreenlet {
    /// How deep the stack of this greenlet is used. Asks the kernel, in less than a microsecond for a stack of default size.
    ///
    /// `None` if it has no stack of ours (it has not begun or [reserved](crate::Greenlet::reserve) one, or has ended, or is a main
    /// greenlet), and where the `portable` context is in use, which does not tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenlet::{Greenlet, main};
    ///
    /// let g = Greenlet::new(|()| {
    ///     main().switch(()).unwrap();
    /// });
    /// g.switch(()).unwrap();
    /// if let Some(usage) = g.stack_usage() {
    ///     assert!(usage.used > 0 && usage.used < usage.size);
    /// }
    /// ```
    pub fn stack_usage(&self) -> Option<StackUsage> {
        // SAFETY: contexts are put in place and taken out by code that does not call back here.
        let context = unsafe { (*self.inner().context.get()).as_ref() }?;
        Some(StackUsage { size: context.size(), used: context.used()? })
    }
}

/// What this thread has mapped for stacks. Asks the kernel about every page, so that it takes milliseconds where there are many.
///
/// Where the `portable` context is in use, the two figures in bytes are 0.
pub fn stack_memory() -> StackMemory {
    let thread = thread::this();
    let pooled = thread.idle_stacks();
    let memory = thread.hub.memory();
    StackMemory { live: thread.pool.total.get() - pooled, pooled, reserved: memory.reserved, resident: memory.resident }
}

/// Begins or ends to measure how deep the stacks of this thread's greenlets are used; returns whether that was done before.
///
/// While it is, the end of every greenlet costs a few system calls. Beginning forgets what was measured before, and gives idle
/// stacks back to the system, so that new ones show what they were used for since. The `portable` context has nothing to
/// measure with.
///
/// # Examples
///
/// ```
/// use greenlet::{Builder, measure_stacks, stack_peaks};
///
/// measure_stacks(true);
/// let deep = Builder::new().stack_size(256 * 1024).build(|()| {
///     std::hint::black_box([1_u8; 100_000]);
/// });
/// deep.switch(()).unwrap();
/// for peak in stack_peaks() {
///     println!("{}: {} bytes", peak.site, peak.bytes);
///     assert!(peak.bytes > 100_000);
/// }
/// ```
pub fn measure_stacks(on: bool) -> bool {
    let thread = thread::this();
    if on {
        thread.drain_pool();
    }
    let before = thread.peaks.replace(on.then(Peaks::default));
    thread.measured.set(on);
    before.is_some()
}

/// What was measured since [`measure_stacks`] was begun, deepest first.
pub fn stack_peaks() -> Vec<StackPeak> {
    let peaks = thread::this().peaks.borrow();
    let all = peaks.iter().flat_map(|peaks| &peaks.0);
    let mut all: Vec<_> = all.map(|(site, (bytes, ended))| StackPeak { site, bytes: *bytes, ended: *ended }).collect();
    all.sort_by_key(|peak| (std::cmp::Reverse(peak.bytes), peak.site.file(), peak.site.line(), peak.site.column()));
    all
}

/// Notes how deep the running greenlet's stack was used, for `site`, and gives the memory back that is not in use now.
///
/// For schedulers that run one task after the other on the same greenlet: what [`Builder::build_worker`](crate::Builder::build_worker)
/// makes is not noted otherwise. Does nothing unless [`measure_stacks`] is on.
pub fn note_stack_use(site: &'static Location<'static>) {
    let thread = thread::this();
    if thread.measured.get() {
        note(thread, site);
    }
}

/// See [`note_stack_use`].
#[cold]
pub(crate) fn note(thread: &Thread, site: &'static Location<'static>) {
    // SAFETY: the context of the running greenlet is neither put in place nor taken out while it runs.
    let Some(context) = (unsafe { (*thread.current().context.get()).as_ref() }) else { return };
    let Some(used) = context.used() else { return };
    context.give_back_unused();
    if let Some(peaks) = thread.peaks.borrow_mut().as_mut() {
        let (bytes, ended) = peaks.0.entry(site).or_default();
        *bytes = used.max(*bytes);
        *ended += 1;
    }
}

/// Gives this thread's idle stacks back to the system; returns how many.
pub fn trim() -> usize {
    let thread = thread::this();
    let idle = thread.idle_stacks();
    thread.drain_pool();
    idle
}

/// Sets how many idle stacks of one size this thread keeps (1,024 unless set); returns what was set before.
pub fn set_pool_capacity(stacks: usize) -> usize {
    thread::this().pool.capacity.replace(stacks)
}

/// Sets when idle stacks give their memory back to the system: after every so many stacks that come back to the pool (16,384
/// unless set), those go that it did not need since the last time. 0 keeps them all, up to the pool's capacity. Returns what
/// was set before.
///
/// Nothing happens by itself on a thread whose greenlets do not end any more; there is [`trim`].
pub fn set_pool_review(stacks: usize) -> usize {
    thread::this().pool.review.replace(stacks)
}

/// Sets how many stacks this thread may have, idle ones included (no limit unless set); returns what was set before.
///
/// Beyond it, switching to an unstarted greenlet fails with [`SwitchError::Stack`](crate::SwitchError::Stack).
pub fn set_max_stacks(stacks: usize) -> usize {
    thread::this().pool.cap.replace(stacks)
}

/// Sets the least size of the guard below each stack, in bytes (16 KiB unless set), rounded up to whole pages; returns what was
/// set before. It holds for the whole process, and for every stack that is new: idle ones keep theirs until they are
/// [given back](trim).
///
/// Rust's own code touches every page of a large frame in order, and so meets any guard. Foreign code that was compiled
/// without such probes steps over one that is smaller than its frames. The `portable` context has a guard of a page, whatever
/// is set.
pub fn set_guard_size(bytes: usize) -> usize {
    context::set_guard_size(bytes)
}

/// Has the system refuse `count` requests for stacks, beginning with the `nth` from now on (1 is the next one), as if a limit
/// had been met; 0 and 0 take that back. For tests of what a program does then.
///
/// Requests are for address space, for many stacks at a time, and then for each stack; one that is idle in the pool needs none.
/// A large request that is refused is made again for less, and one that is refused while there are idle stacks of another size
/// is made again without them, so that a program may not notice a single refusal.
///
/// # Examples
///
/// ```
/// use greenlet::{Greenlet, SwitchError, refuse_stacks};
///
/// let g = Greenlet::new(|n: u32| n + 1);
/// refuse_stacks(1, usize::MAX);
/// let Err(SwitchError::Stack { value, error }) = g.switch(1) else { panic!("it began") };
/// println!("{error}");
/// assert_eq!(value, Some(1));
///
/// refuse_stacks(0, 0);
/// assert_eq!(g.switch(1).unwrap().unwrap(), 2);
/// ```
pub fn refuse_stacks(nth: usize, count: usize) {
    thread::this().hub.refuse(Refusals { after: nth.saturating_sub(1), count });
}
