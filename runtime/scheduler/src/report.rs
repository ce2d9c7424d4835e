//! Who is blocked, on what, and where: the text that a stuck program is debugged from.

use std::backtrace::Backtrace;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use greenlet::StackError;

use crate::core::{MAIN, Scheduler};
use crate::frames;
use crate::park::Description;
use crate::table::{Entry, Key, Place};

/// The tasklets of a thread that cannot go on, when it was made. A clone shares them.
///
/// With `TASKLETS_BACKTRACE=1` in the environment, every report has the backtraces of the blocked tasklets.
#[non_exhaustive]
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Blocked tasklets, in the order of their table.
    pub blocked: Arc<[Waiting]>,
    /// Tasklets for which there was no stack.
    pub starved: Arc<[Starved]>,
    /// Which limit those have met, and what to raise.
    pub shortage: Option<StackError>,
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
    /// Where it was spawned; none for main.
    pub spawned_at: Option<&'static Location<'static>>,
    /// Where it waits.
    pub waits_at: &'static Location<'static>,
    /// Where it is, if `TASKLETS_BACKTRACE` is set.
    pub backtrace: Option<Arc<Backtrace>>,
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
        let traced = wants_backtraces();
        // Descriptions come from code outside this crate: not while the table is borrowed.
        let (waits, starved) = {
            let table = self.core.table.borrow();
            let blocked = table.iter().filter_map(|(key, entry)| {
                let waits = entry.waits.as_ref().filter(|_| entry.place == Place::Blocked)?;
                let spawned_at = (key != MAIN).then_some(entry.spawned_at);
                let greenlet = if traced { self.whereabouts(key, entry) } else { None };
                Some((label(key, entry), spawned_at, waits.on.clone(), waits.ticket, waits.at, greenlet))
            });
            let starved = table.iter().filter(|(_, entry)| entry.place == Place::Starved);
            let starved =
                starved.map(|(key, entry)| Starved { tasklet: label(key, entry), spawned_at: entry.spawned_at });
            (blocked.collect::<Vec<_>>(), starved.collect::<Vec<_>>())
        };
        let blocked = waits.into_iter().map(|(tasklet, spawned_at, on, ticket, waits_at, greenlet)| {
            let Description { operation, on } = on.describe(ticket);
            let backtrace = greenlet.and_then(|greenlet| greenlet.backtrace()).map(Arc::new);
            Waiting { tasklet, operation, on, spawned_at, waits_at, backtrace }
        });
        let shortage = self.core.shortage.borrow().clone().filter(|_| !starved.is_empty());
        Report { blocked: blocked.collect(), starved: starved.into(), shortage }
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
    Label(key, entry).to_string()
}

/// How a tasklet is called; written without allocating.
pub(crate) struct Label<'a>(pub(crate) Key, pub(crate) &'a Entry);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label(key, entry) = self;
        match entry.rare().and_then(|rare| rare.name.as_deref()) {
            Some(name) => write!(f, "tasklet {} \"{name}\"", entry.generation - 1),
            None if *key == MAIN => f.write_str("the main tasklet"),
            None => write!(f, "tasklet {}", entry.generation - 1),
        }
    }
}

/// Whether the environment asks for backtraces in reports.
fn wants_backtraces() -> bool {
    static WANTED: OnceLock<bool> = OnceLock::new();
    *WANTED
        .get_or_init(|| std::env::var_os("TASKLETS_BACKTRACE").is_some_and(|value| !value.is_empty() && value != "0"))
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
            list(f, &self.blocked)?;
        }
        if !self.starved.is_empty() {
            let line = if self.blocked.is_empty() { "" } else { "\n" };
            write!(f, "{line}{} waiting for a stack", count(self.starved.len()))?;
            if let Some(shortage) = &self.shortage {
                write!(f, " ({shortage})")?;
            }
            f.write_str(":")?;
            list(f, &self.starved)?;
        }
        Ok(())
    }
}

/// How many tasklets a report's text lists. The fields have them all.
const LISTED: usize = 100;

fn list(f: &mut fmt::Formatter<'_>, tasklets: &[impl fmt::Display]) -> fmt::Result {
    for tasklet in tasklets.iter().take(LISTED) {
        write!(f, "\n  {tasklet}")?;
    }
    match tasklets.len().saturating_sub(LISTED) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}

pub(crate) fn count(tasklets: usize) -> String {
    if tasklets == 1 { "1 tasklet".to_owned() } else { format!("{tasklets} tasklets") }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Waiting { tasklet, operation, on, spawned_at, waits_at, backtrace } = self;
        write!(f, "{tasklet}: {operation} on {on} at {waits_at}")?;
        if let Some(at) = spawned_at {
            write!(f, ", spawned at {at}")?;
        }
        match backtrace {
            Some(backtrace) => frames::write(f, backtrace, "    "),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Starved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, spawned at {}", self.tasklet, self.spawned_at)
    }
}
