//! Counting what there is.

use crate::core::Scheduler;

/// What the running thread's scheduler holds. All but the counters are 0 when every tasklet has ended and no handle is left.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Tasklets in the table, without main: alive, or held by a handle.
    pub tasklets: usize,
    /// Runnable tasklets, with the current one.
    pub runnable: usize,
    /// Blocked tasklets.
    pub blocked: usize,
    /// Switches so far.
    pub switches: u64,
    /// Tasklets that have ended so far.
    pub ended: u64,
    /// Greenlets and stacks.
    pub greenlets: greenlet::Stats,
}

/// Counts this thread's tasklets, greenlets and stacks.
pub fn stats() -> Stats {
    let scheduler = Scheduler::local();
    let table = scheduler.core.table.borrow();
    Stats {
        tasklets: table.count() - 1,
        runnable: table.len(),
        blocked: table.blocked(),
        switches: scheduler.core.pace.switches(),
        ended: scheduler.core.ended.get(),
        greenlets: greenlet::stats(),
    }
}

/// How many tasklets are runnable, with the current one.
///
/// Semantics: Stackless's `runcount`.
pub fn run_count() -> usize {
    let scheduler = Scheduler::local();
    let table = scheduler.core.table.borrow();
    table.len()
}
