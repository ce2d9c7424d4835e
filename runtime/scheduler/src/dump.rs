//! Every tasklet of a thread at one moment, for those who look from outside.

use std::backtrace::Backtrace;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use greenlet::{AnyGreenlet, DEFAULT_STACK_SIZE, StackError};

use crate::core::{MAIN, Scheduler};
use crate::flags::Flag;
use crate::frames;
use crate::pace::Since;
use crate::park::{Description, TaskletId, Wait};
use crate::report::{count, label};
use crate::table::{Entry, Key, Life, Place};

/// Every tasklet of a thread, when it was made; see [`dump`].
///
/// As text it is a table, with a line for each tasklet and its backtrace, if there is one, below that. The text ends after a
/// thousand tasklets, and leaves out what backtraces have in common at both ends; `{:#}` has everything.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct Dump {
    /// The tasklets in the order in which they were made, main first. Those that have ended are there as long as somebody
    /// has a handle.
    pub tasklets: Vec<TaskletDump>,
    /// Switches of the thread so far.
    pub switches: u64,
    /// Which limit tasklets met that wait for a stack, and what to raise.
    pub shortage: Option<StackError>,
}

/// A tasklet in a [`Dump`].
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct TaskletDump {
    /// Names it; see [`Scheduler::tasklet`].
    pub id: TaskletId,
    /// How it is called in messages, as `tasklet 3 "clerk"`.
    pub tasklet: String,
    /// The name that it was built with.
    pub name: Option<String>,
    /// What it is about to do.
    pub state: State,
    /// Whether its body has begun.
    pub begun: bool,
    /// What it waits for, if it is blocked.
    pub blocked_on: Option<BlockedOn>,
    /// How long it has been blocked, or waiting for a stack.
    pub since: Option<Since>,
    /// Where it was spawned; none for main.
    pub spawned_at: Option<&'static Location<'static>>,
    /// How often it was switched to.
    pub switches: u64,
    /// The size of the stack that it has, or will have, in bytes; none for main.
    pub stack_size: Option<usize>,
    /// How much of the stack has memory, in bytes: as deep as it was ever used, in whole pages, by this tasklet or by one that had
    /// the stack before. None if it has no stack, and in the portable context, which does not know.
    pub stack_used: Option<usize>,
    /// Where it is, if that was asked for and it has begun.
    pub backtrace: Option<Arc<Backtrace>>,
}

/// What a tasklet is about to do.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs, and has asked for the dump.
    Current,
    /// It is in the run queue.
    Scheduled,
    /// It waits for something; see [`TaskletDump::blocked_on`].
    Blocked,
    /// It is inside [`run`](crate::run()), and goes on when nothing else is runnable.
    Running,
    /// It is alive, and goes on if somebody inserts or runs it.
    Paused,
    /// It was to begin when there was no stack for it.
    Starved,
    /// It has no body.
    Unbound,
    /// It has a body that was not set up.
    Bound,
    /// It has ended.
    Dead,
}

/// What a blocked tasklet waits for.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedOn {
    /// The operation, as `receive`.
    pub operation: &'static str,
    /// What it waits on, as `channel 3`.
    pub on: String,
    /// Where in the program that is.
    pub at: &'static Location<'static>,
}

/// Every tasklet of this thread: its state, what it waits for and since when, where it was spawned, its stack, and how often it
/// was switched to.
///
/// It switches to nobody, and changes nothing.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{Builder, State, dump, run, spawn};
///
/// let sleeper = spawn(|| tasklets_runtime::schedule_remove());
/// let waiter = Builder::new().name("waiter").spawn(move || sleeper.join().map(drop).map_err(drop));
/// run();
/// let dump = dump();
/// assert_eq!(dump.tasklets[2].state, State::Blocked);
/// assert_eq!(dump.tasklets[2].blocked_on.as_ref().unwrap().on, "tasklet 1");
/// println!("{dump}");
/// ```
pub fn dump() -> Dump {
    Scheduler::local().dump(false)
}

/// [`dump`], and where each tasklet that has begun is, as a backtrace.
///
/// Each is captured on its own stack, by a visit there that is no switch and changes nothing that the program can see; one
/// costs some microseconds, and far more when it is printed. See [`AnyGreenlet::backtrace`](greenlet::AnyGreenlet::backtrace)
/// for what it needs.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{dump_with_backtraces, schedule_remove, spawn};
///
/// #[inline(never)]
/// fn wait_for_godot() {
///     let _ = schedule_remove();
/// }
///
/// let estragon = spawn(wait_for_godot);
/// estragon.run()?;
/// let dump = dump_with_backtraces();
/// let backtrace = dump.tasklets[1].backtrace.as_ref().unwrap();
/// assert!(backtrace.to_string().contains("wait_for_godot"));
/// # Ok::<(), tasklets_runtime::TaskletError>(())
/// ```
pub fn dump_with_backtraces() -> Dump {
    Scheduler::local().dump(true)
}

/// What is taken from an entry while the table is borrowed. Everything else may run code from outside this crate.
struct Seen {
    dump: TaskletDump,
    waits: Option<(Rc<dyn Wait>, u32, &'static Location<'static>)>,
    stamp: Option<u64>,
    greenlet: Option<AnyGreenlet>,
}

impl Scheduler {
    fn dump(&self, backtraces: bool) -> Dump {
        let mut seen: Vec<Seen> = {
            let table = self.core.table.borrow();
            table.iter().map(|(key, entry)| self.see(key, entry)).collect()
        };
        seen.sort_unstable_by_key(|seen| seen.dump.id.generation);
        let past = self.core.pace.past();
        let switches = self.core.pace.switches();
        let shortage = self.core.shortage.borrow().clone();
        let shortage = shortage.filter(|_| seen.iter().any(|seen| seen.dump.state == State::Starved));
        let tasklets = seen.into_iter().map(|Seen { mut dump, waits, stamp, greenlet }| {
            dump.blocked_on = waits.map(|(waits_on, ticket, at)| {
                let Description { operation, on } = waits_on.describe(ticket);
                BlockedOn { operation, on, at }
            });
            dump.since = stamp.map(|stamp| past.since(stamp));
            if let Some(greenlet) = greenlet {
                dump.stack_size = Some(greenlet.stack_size()).filter(|size| *size != 0);
                // Before the capture, which uses some itself.
                dump.stack_used = greenlet.stack_usage().map(|usage| usage.used);
                dump.backtrace = if backtraces { greenlet.backtrace().map(Arc::new) } else { None };
            }
            dump
        });
        Dump { tasklets: tasklets.collect(), switches, shortage }
    }

    fn see(&self, key: Key, entry: &Entry) -> Seen {
        let current = key == self.core.current.get();
        let state = match (entry.life, entry.place) {
            (Life::Unbound, _) => State::Unbound,
            (Life::Bound, _) => State::Bound,
            (Life::Dead, _) => State::Dead,
            _ if current => State::Current,
            (_, Place::Ring) => State::Scheduled,
            (_, Place::Blocked) => State::Blocked,
            (_, Place::Starved) => State::Starved,
            (_, Place::Nowhere) if entry.flags.has(Flag::Watching) => State::Running,
            (_, Place::Nowhere) => State::Paused,
        };
        let size = entry.stack_size.bytes().unwrap_or(DEFAULT_STACK_SIZE);
        let has_stack = key != MAIN && matches!(entry.life, Life::Unstarted | Life::Started);
        let dump = TaskletDump {
            id: TaskletId { key, generation: entry.generation },
            tasklet: label(key, entry),
            name: entry.name().map(|name| name.to_string()),
            state,
            begun: matches!(entry.life, Life::Started | Life::Dead),
            blocked_on: None,
            since: None,
            spawned_at: (key != MAIN).then_some(entry.spawned_at),
            switches: self.core.table.borrow().link(key).switches,
            stack_size: has_stack.then_some(size),
            stack_used: None,
            backtrace: None,
        };
        let waits = entry.waits.as_ref().filter(|_| state == State::Blocked);
        Seen {
            waits: waits.map(|waits| (waits.on.clone(), waits.ticket, waits.at)),
            stamp: matches!(state, State::Blocked | State::Starved)
                .then(|| self.core.table.borrow().link(key).stamped()),
            greenlet: self.whereabouts(key, entry),
            dump,
        }
    }

    /// The greenlet that a tasklet goes on in.
    pub(crate) fn whereabouts(&self, key: Key, entry: &Entry) -> Option<AnyGreenlet> {
        if entry.life != Life::Started {
            return None;
        }
        if key == self.core.current.get() {
            return Some((*greenlet::current::<()>()).clone());
        }
        let table = self.core.table.borrow();
        let noted = table.link(key).greenlet.as_ref().filter(|greenlet| !greenlet.is_dead()).or(entry.base.as_ref());
        // Main notes its greenlet when it first leaves.
        Some(noted.map_or_else(|| (*greenlet::main::<()>()).clone(), |greenlet| (**greenlet).clone()))
    }
}

/// How many tasklets the text lists, unless it is to have everything.
const LISTED: usize = 1_000;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = if f.alternate() { self.tasklets.len() } else { self.tasklets.len().min(LISTED) };
        write!(f, "{}, {}", count(self.tasklets.len()), times(self.switches))?;
        if let Some(shortage) = &self.shortage {
            write!(f, "; no stack: {shortage}")?;
        }
        let rows: Vec<[String; 5]> = self.tasklets[..listed].iter().map(TaskletDump::row).collect();
        let head = ["tasklet", "state", "switches", "stack", "where"].map(str::to_owned);
        let width = |column: usize| {
            let cells = rows.iter().chain([&head]).map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        };
        let widths: [usize; 4] = std::array::from_fn(width);
        let line = |f: &mut fmt::Formatter<'_>, row: &[String; 5]| {
            let [a, b, c, d] = widths;
            let text = format!("\n  {:a$}  {:b$}  {:>c$}  {:>d$}  {}", row[0], row[1], row[2], row[3], row[4]);
            f.write_str(text.trim_end_matches(' '))
        };
        line(f, &head)?;
        for (row, tasklet) in rows.iter().zip(&self.tasklets) {
            line(f, row)?;
            if let Some(backtrace) = &tasklet.backtrace {
                frames::write(f, backtrace, "    ")?;
            }
        }
        match self.tasklets.len() - listed {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl TaskletDump {
    fn row(&self) -> [String; 5] {
        let begun = if self.begun || matches!(self.state, State::Unbound | State::Bound | State::Starved) {
            ""
        } else {
            ", not begun"
        };
        let stack = match (self.stack_used, self.stack_size) {
            (Some(used), Some(size)) => format!("{} of {} KiB", used / 1024, size / 1024),
            (None, Some(size)) => format!("{} KiB", size / 1024),
            (_, None) => String::new(),
        };
        let mut place = String::new();
        if let Some(BlockedOn { operation, on, at }) = &self.blocked_on {
            place = format!("{operation} on {on} at {at}");
        }
        let separated = |text: String| if place.is_empty() { text } else { format!(" {text}") };
        if let Some(since) = &self.since {
            place += &separated(since.to_string());
        }
        if let Some(at) = self.spawned_at {
            place += if place.is_empty() { "" } else { ", " };
            place += &format!("spawned at {at}");
        }
        [self.tasklet.clone(), format!("{}{begun}", self.state), self.switches.to_string(), stack, place]
    }
}

impl fmt::Display for TaskletDump {
    /// One line, without the backtrace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [tasklet, state, _, stack, place] = self.row();
        write!(f, "{tasklet}: {state}, {}", times(self.switches))?;
        for part in [stack, place].iter().filter(|part| !part.is_empty()) {
            write!(f, ", {part}")?;
        }
        Ok(())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Current => "current",
            State::Scheduled => "scheduled",
            State::Blocked => "blocked",
            State::Running => "in run",
            State::Paused => "paused",
            State::Starved => "waiting for a stack",
            State::Unbound => "unbound",
            State::Bound => "bound",
            State::Dead => "dead",
        })
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Since { switches, at_least, at_most } = *self;
        // Closer than a tenth is one figure.
        if at_most.saturating_sub(at_least) <= at_most / 10 {
            write!(f, "for {:.1?}", middle(at_least, at_most))?;
        } else if at_least.is_zero() {
            write!(f, "for at most {at_most:.1?}")?;
        } else {
            write!(f, "for {at_least:.1?} to {at_most:.1?}")?;
        }
        write!(f, " ({})", times(switches))
    }
}

fn times(switches: u64) -> String {
    if switches == 1 { "1 switch".to_owned() } else { format!("{switches} switches") }
}

fn middle(at_least: Duration, at_most: Duration) -> Duration {
    at_least + at_most.saturating_sub(at_least) / 2
}
