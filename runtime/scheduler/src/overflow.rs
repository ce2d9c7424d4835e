//! Who ran on a stack that ran over, for the report that the process ends with then.

use std::fmt::{self, Write};

use greenlet::AnyGreenlet;

use crate::core::{MAIN, Scheduler};
use crate::report::Label;
use crate::table::{Entry, Key, Table};

/// Names the tasklet of an overrun greenlet, and where it was spawned.
///
/// A signal handler calls this: it only reads what is there, and writes.
pub(crate) fn describe(greenlet: &AnyGreenlet, out: &mut dyn Write) -> fmt::Result {
    let described = Scheduler::existing().and_then(|scheduler| {
        // If it is borrowed, by who has overrun the stack, the greenlet has the tasklet's name at least.
        let table = scheduler.core.table.try_borrow().ok()?;
        Some(write_tasklet(greenlet, &table, scheduler.core.current.get(), out))
    });
    described.unwrap_or_else(|| write!(out, "a tasklet on {greenlet}, in a call of the scheduler"))
}

fn write_tasklet(greenlet: &AnyGreenlet, table: &Table, current: Key, out: &mut dyn Write) -> fmt::Result {
    let runs_there = |(_, entry): &(Key, &Entry)| entry.base.as_ref().is_some_and(|base| **base == *greenlet);
    let here = table.entry(current).map(|entry| (current, entry));
    // In the midst of a switch, the next one is current already.
    let owner = here.filter(runs_there).or_else(|| table.iter().find(runs_there));
    if owner.is_none() {
        write!(out, "{greenlet}, made at {}, in ", greenlet.made_at())?;
    }
    match owner.or(here) {
        Some((MAIN, entry)) => write!(out, "{}", Label(MAIN, entry)),
        Some((key, entry)) => write!(out, "{}, spawned at {}", Label(key, entry), entry.spawned_at),
        None => out.write_str("a tasklet that has ended"),
    }
}
