//! Who is blocked, on what, and where: the text that a stuck program is debugged from.

use std::fmt;
use std::panic::Location;

use crate::core::Scheduler;
use crate::park::Description;
use crate::table::{Entry, Key, Place};

/// The tasklets of a thread that cannot go on, when it was made.
#[non_exhaustive]
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Blocked tasklets, in the order of their table.
    pub blocked: Vec<Waiting>,
    /// Tasklets for which there was no stack.
    pub starved: Vec<Starved>,
}

/// A blocked tasklet.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct Waiting {
    /// How the tasklet is called.
    pub tasklet: String,
    /// The operation that it waits in, as `receive`.
    pub operation: &'static str,
    /// What it waits on, as `channel 3`.
    pub on: String,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// Where it waits.
    pub waits_at: &'static Location<'static>,
}

/// A tasklet that waits for a stack.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct Starved {
    /// How the tasklet is called.
    pub tasklet: String,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
}

impl Scheduler {
    /// Everything that is stuck on this thread.
    pub fn report(&self) -> Report {
        // Descriptions come from code outside this crate: not while the table is borrowed.
        let (waits, starved) = {
            let table = self.core.table.borrow();
            let blocked = table.iter().filter_map(|(key, entry)| {
                let waits = entry.waits.as_ref().filter(|_| entry.place == Place::Blocked)?;
                Some((label(key, entry), entry.spawned_at, waits.on.clone(), waits.ticket, waits.at))
            });
            let starved = table.starved.iter().map(|key| {
                let entry = table.get(*key);
                Starved { tasklet: label(*key, entry), spawned_at: entry.spawned_at }
            });
            (blocked.collect::<Vec<_>>(), starved.collect())
        };
        let blocked = waits.into_iter().map(|(tasklet, spawned_at, on, ticket, waits_at)| {
            let Description { operation, on } = on.describe(ticket);
            Waiting { tasklet, operation, on, spawned_at, waits_at }
        });
        Report { blocked: blocked.collect(), starved }
    }

    /// How a tasklet is called in messages.
    pub(crate) fn label(&self, key: Key) -> String {
        label(key, self.core.table.borrow().get(key))
    }

    /// Who is blocked and on what, in one line.
    pub(crate) fn blocked_label(&self, key: Key) -> String {
        let (name, waits) = {
            let table = self.core.table.borrow();
            let entry = table.get(key);
            (label(key, entry), entry.waits.as_ref().map(|waits| (waits.on.clone(), waits.ticket)))
        };
        match waits.map(|(on, ticket)| on.describe(ticket)) {
            Some(Description { operation, on }) => format!("{name} is blocked in {operation} on {on}"),
            None => format!("{name} is blocked"),
        }
    }
}

pub(crate) fn label(key: Key, entry: &Entry) -> String {
    match &entry.name {
        Some(name) => format!("tasklet {} \"{name}\"", entry.generation - 1),
        None if key == crate::core::MAIN => "the main tasklet".to_owned(),
        None => format!("tasklet {}", entry.generation - 1),
    }
}

impl Report {
    /// Whether nothing is stuck.
    pub fn is_empty(&self) -> bool {
        self.blocked.is_empty() && self.starved.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no tasklet is blocked");
        }
        if !self.blocked.is_empty() {
            write!(f, "{} blocked:", count(self.blocked.len()))?;
        }
        for waiting in &self.blocked {
            write!(f, "\n  {waiting}")?;
        }
        if !self.starved.is_empty() {
            let line = if self.blocked.is_empty() { "" } else { "\n" };
            write!(f, "{line}{} waiting for a stack:", count(self.starved.len()))?;
        }
        for starved in &self.starved {
            write!(f, "\n  {}, spawned at {}", starved.tasklet, starved.spawned_at)?;
        }
        Ok(())
    }
}

pub(crate) fn count(tasklets: usize) -> String {
    if tasklets == 1 { "1 tasklet".to_owned() } else { format!("{tasklets} tasklets") }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Waiting { tasklet, operation, on, spawned_at, waits_at } = self;
        write!(f, "{tasklet}: {operation} on {on} at {waits_at}, spawned at {spawned_at}")
    }
}
