//! The body of a tasklet and its outcome, in one allocation that the tasklet and its handles share.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use greenlet::Payload;

use crate::core::Scheduler;
use crate::error::{TaskletError, is_exit};
use crate::joiners::Joiners;
use crate::park::{Description, Refusal, TaskletId, Wait};
use crate::report::{Report, label};
use crate::table::Key;

/// How a body ended, for the scheduler.
pub(crate) enum Ended {
    /// By returning, by an exit, or by a panic that waits to be joined.
    Quietly,
    /// By a panic that nobody can join.
    Panicked(Payload),
}

/// What the scheduler does with a body.
pub(crate) trait Run {
    /// Runs the body and keeps its outcome.
    fn run(&self) -> Ended;
    /// Drops the body without running it; `payload` is its outcome.
    fn cancel(&self, payload: Payload) -> Ended;
    /// Who waits for the outcome.
    fn joiners(&self) -> &Joiners;
}

/// What a handle does with the outcome.
pub(crate) trait Join<R>: Wait {
    fn take(&self) -> Option<Outcome<R>>;
    fn is_over(&self) -> bool;
    /// Counts a handle.
    fn hold(&self);
    /// Gives a handle back. The panic that nobody has read, if it was the last one.
    fn release(&self) -> Option<Payload>;
    fn add_joiner(&self, joiner: Key);
}

pub(crate) enum Outcome<R> {
    Value(R),
    Killed,
    Panicked(Payload),
}

pub(crate) struct Job<F, R> {
    body: Cell<Option<F>>,
    outcome: Cell<Option<Outcome<R>>>,
    over: Cell<bool>,
    /// The tasklet that it was made for.
    key: Cell<Key>,
    /// Handles that can join. Without any, the outcome is dropped when it comes.
    handles: Cell<u32>,
    joiners: Joiners,
}

impl<F: FnOnce() -> R, R> Job<F, R> {
    pub(crate) fn new(body: F) -> Job<F, R> {
        Job {
            body: Cell::new(Some(body)),
            outcome: Cell::new(None),
            over: Cell::new(false),
            key: Cell::new(Key::MAX),
            handles: Cell::new(0),
            joiners: Joiners::new(),
        }
    }

    /// Notes whose end it is.
    pub(crate) fn is_of(&self, key: Key) {
        self.key.set(key);
    }

    fn settle(&self, outcome: Outcome<R>) -> Ended {
        self.over.set(true);
        if self.handles.get() != 0 {
            self.outcome.set(Some(outcome));
            return Ended::Quietly;
        }
        match outcome {
            Outcome::Panicked(payload) => Ended::Panicked(payload),
            Outcome::Killed => Ended::Quietly,
            Outcome::Value(value) => match catch_unwind(AssertUnwindSafe(move || drop(value))) {
                Ok(()) => Ended::Quietly,
                Err(payload) => self.settle(outcome_of(payload)),
            },
        }
    }
}

fn outcome_of<R>(payload: Payload) -> Outcome<R> {
    if is_exit(&*payload) { Outcome::Killed } else { Outcome::Panicked(payload) }
}

impl<F: FnOnce() -> R, R> Run for Job<F, R> {
    fn run(&self) -> Ended {
        let Some(body) = self.body.take() else { return Ended::Quietly };
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(value) => self.settle(Outcome::Value(value)),
            Err(payload) => self.settle(outcome_of(payload)),
        }
    }

    fn cancel(&self, payload: Payload) -> Ended {
        let body = self.body.take();
        let dropped = catch_unwind(AssertUnwindSafe(move || drop(body)));
        let payload = match dropped {
            Err(panic) if is_exit(&*payload) => panic,
            _ => payload,
        };
        self.settle(outcome_of(payload))
    }

    fn joiners(&self) -> &Joiners {
        &self.joiners
    }
}

impl<F: FnOnce() -> R, R> Join<R> for Job<F, R> {
    fn take(&self) -> Option<Outcome<R>> {
        self.outcome.take()
    }

    fn is_over(&self) -> bool {
        self.over.get()
    }

    fn hold(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    fn release(&self) -> Option<Payload> {
        self.handles.set(self.handles.get() - 1);
        if self.handles.get() != 0 || !self.over.get() {
            return None;
        }
        match self.outcome.take() {
            Some(Outcome::Panicked(payload)) => Some(payload),
            _ => None,
        }
    }

    fn add_joiner(&self, joiner: Key) {
        self.joiners.push(joiner);
    }
}

/// A joiner's ticket is its key: it waits for one tasklet at a time.
impl<F: FnOnce() -> R, R> Wait for Job<F, R> {
    fn unlink(&self, ticket: u32) {
        self.joiners.remove(ticket);
    }

    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (before, after) = self.joiners.neighbours(ticket);
        let scheduler = Scheduler::local();
        (before.map(|key| scheduler.id_of(key)), after.map(|key| scheduler.id_of(key)))
    }

    fn describe(&self, _ticket: u32) -> Description {
        let scheduler = Scheduler::local();
        let me: *const () = std::ptr::from_ref(self).cast();
        let table = scheduler.core.table.borrow();
        let entry = table.entry(self.key.get());
        // The tasklet may have been given another body since.
        let mine = entry.filter(|entry| entry.job.as_ref().is_some_and(|job| Rc::as_ptr(job).cast() == me));
        let on = mine.map_or("a tasklet".to_owned(), |entry| label(self.key.get(), entry));
        Description { operation: "join", on }
    }
}

/// Waits for the end of a job and takes its outcome.
pub(crate) fn join<R: 'static>(
    scheduler: &Scheduler,
    job: &Rc<dyn Join<R>>,
    own: bool,
    at: &'static Location<'static>,
) -> Result<R, JoinError> {
    if !job.is_over() {
        if own {
            return Err(JoinError::Current);
        }
        let me = scheduler.check_block(false).map_err(JoinError::from_refusal)?;
        job.add_joiner(me.key);
        scheduler.park(job.clone(), me.key, at).map_err(JoinError::Deadlock)?;
    }
    match job.take() {
        Some(Outcome::Value(value)) => Ok(value),
        Some(Outcome::Killed) => Err(JoinError::Killed),
        Some(Outcome::Panicked(payload)) => Err(JoinError::Panicked(payload)),
        None => Err(JoinError::Taken),
    }
}

/// Why [`Tasklet::join`](crate::Tasklet::join) has no value.
#[non_exhaustive]
pub enum JoinError {
    /// The tasklet was killed.
    Killed,
    /// The tasklet panicked, with this.
    Panicked(Payload),
    /// The result was taken by an earlier join, or the tasklet ended before it was given another body.
    Taken,
    /// A tasklet cannot wait for its own end.
    Current,
    /// Nobody could ever have woken the caller.
    Deadlock(Box<Report>),
    /// The caller has set its block trap.
    BlockTrap,
    /// The switch to another tasklet was refused.
    Refused(TaskletError),
}

impl JoinError {
    fn from_refusal(refusal: Refusal) -> JoinError {
        match refusal {
            Refusal::Refused(TaskletError::Deadlock(report)) => JoinError::Deadlock(report),
            Refusal::Refused(error) => JoinError::Refused(error),
            Refusal::BlockTrap | Refusal::Closed => JoinError::BlockTrap,
        }
    }

    /// What the tasklet panicked with, if it did; to go on with `std::panic::resume_unwind`.
    pub fn into_panic(self) -> Option<Payload> {
        match self {
            JoinError::Panicked(payload) => Some(payload),
            _ => None,
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Killed => f.write_str("the tasklet was killed"),
            JoinError::Panicked(payload) => write!(f, "the tasklet panicked: {}", greenlet::panic_message(payload)),
            JoinError::Taken => f.write_str("the result was taken already"),
            JoinError::Current => f.write_str("a tasklet cannot join itself"),
            JoinError::Deadlock(report) => write!(f, "deadlock: nobody could end this join\n{report}"),
            JoinError::BlockTrap => f.write_str("the tasklet does not like to be blocked: its block trap is set"),
            JoinError::Refused(error) => error.fmt(f),
        }
    }
}

impl Error for JoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JoinError::Refused(error) => Some(error),
            _ => None,
        }
    }
}
