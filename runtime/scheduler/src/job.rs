//! The body of a tasklet and its outcome, in one allocation that the tasklet and its handles share.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use greenlet::Payload;

use crate::core::Scheduler;
use crate::error::{TaskletError, is_exit};
use crate::fate::{End, FUTURES, Fate};
use crate::park::{Description, Refusal, TaskletId, Wait};
use crate::report::{Report, label};
use crate::spare::Spares;
use crate::table::Key;

/// How a body ended, for the scheduler.
pub(crate) enum Ended {
    /// By returning, by an exit, or by a panic that waits to be joined.
    Quietly,
    /// By a panic that nobody can join.
    Panicked(Payload),
}

/// What the scheduler does with a body.
pub(crate) trait Run: Any {
    /// Runs the body and keeps its outcome.
    fn run(&self) -> Ended;
    /// Drops the body without running it; `payload` is its outcome.
    fn cancel(&self, payload: Payload) -> Ended;
    fn fate(&self) -> &Fate;
    /// The thread has ended, and the body with it, without having been unwound: those on other threads are told.
    fn forsake(&self) {}
    /// [Spare](is_spare), it may be used again.
    fn retire(self: Rc<Self>, _spares: &Spares) {}
}

/// What a handle does with the outcome.
pub(crate) trait Join<R>: Run + Wait {
    /// Takes what the body has returned.
    fn take_value(&self) -> Option<R>;
}

pub(crate) struct Job<F, R> {
    fate: Fate,
    body: Cell<Option<F>>,
    value: Cell<Option<R>>,
}

/// A blocked tasklet is to cost less than 400 bytes besides its stack: its job, for a closure of a word, 64 with the allocator's.
const _: () = assert!(size_of::<Job<&(), ()>>() <= 40);

impl<F: FnOnce() -> R + 'static, R: 'static> Job<F, R> {
    /// With so many handles that can join; of a new tasklet, or to be bound to one.
    #[inline]
    pub(crate) fn new(body: F, handles: u32, scheduler: &Scheduler) -> Rc<Job<F, R>> {
        let Some(spare) = scheduler.core.spares.take::<Job<F, R>>() else {
            return Rc::new(Job { fate: Fate::new(handles), body: Cell::new(Some(body)), value: Cell::new(None) });
        };
        spare.fate.renew(handles);
        spare.body.set(Some(body));
        spare
    }

    /// Notes whose end it is.
    pub(crate) fn is_of(&self, key: Key) {
        self.fate.key.set(key);
    }

    fn settle(&self, outcome: Result<R, Payload>) -> Ended {
        let end = match outcome {
            Ok(value) => {
                self.value.set(Some(value));
                End::Returned
            }
            Err(payload) => End::of(payload),
        };
        match self.fate.settle(end) {
            None | Some(End::Killed | End::Taken) => Ended::Quietly,
            Some(End::Panicked(payload)) => Ended::Panicked(payload),
            Some(End::Returned) => self.drop_value(),
        }
    }

    /// Drops what nobody can join.
    fn drop_value(&self) -> Ended {
        let value = self.value.take();
        match catch_unwind(AssertUnwindSafe(move || drop(value))) {
            Ok(()) => Ended::Quietly,
            Err(payload) => self.settle(Err(payload)),
        }
    }
}

impl<F: FnOnce() -> R + 'static, R: 'static> Run for Job<F, R> {
    fn run(&self) -> Ended {
        let Some(body) = self.body.take() else { return Ended::Quietly };
        self.settle(catch_unwind(AssertUnwindSafe(body)))
    }

    fn cancel(&self, payload: Payload) -> Ended {
        let body = self.body.take();
        let dropped = catch_unwind(AssertUnwindSafe(move || drop(body)));
        let payload = match dropped {
            Err(panic) if is_exit(&*payload) => panic,
            _ => payload,
        };
        self.settle(Err(payload))
    }

    fn fate(&self) -> &Fate {
        &self.fate
    }

    fn retire(self: Rc<Self>, spares: &Spares) {
        spares.put(self);
    }
}

impl<F: FnOnce() -> R + 'static, R: 'static> Join<R> for Job<F, R> {
    fn take_value(&self) -> Option<R> {
        self.value.take()
    }
}

/// A joiner's ticket is its key: it waits for one tasklet at a time.
impl<F: FnOnce() -> R + 'static, R: 'static> Wait for Job<F, R> {
    fn unlink(&self, ticket: u32) {
        self.fate.remove_joiner(ticket);
    }

    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (before, after) = self.fate.neighbours(ticket);
        let scheduler = Scheduler::local();
        let id = |key: Option<Key>| key.filter(|key| *key != FUTURES).map(|key| scheduler.id_of(key));
        (id(before), id(after))
    }

    fn describe(&self, _ticket: u32) -> Description {
        let scheduler = Scheduler::local();
        let me: *const () = std::ptr::from_ref(self).cast();
        let table = scheduler.core.table.borrow();
        let entry = table.entry(self.fate.key.get());
        // The tasklet may have been given another body since.
        let mine = entry.filter(|entry| entry.job.as_ref().is_some_and(|job| Rc::as_ptr(job).cast() == me));
        let on = mine.map_or("a tasklet".to_owned(), |entry| label(self.fate.key.get(), entry));
        Description { operation: "join", on }
    }

    fn owners(&self, _ticket: u32, tell: &mut dyn FnMut(TaskletId)) {
        let scheduler = Scheduler::local();
        // It has not ended, or nobody would wait for it: its entry is its own.
        if scheduler.core.table.borrow().entry(self.fate.key.get()).is_some() {
            tell(scheduler.id_of(self.fate.key.get()));
        }
    }
}

/// Whether a job is over, and this is the last that anybody has of it.
#[inline]
pub(crate) fn is_spare<J: Run + ?Sized>(job: &Rc<J>) -> bool {
    Rc::strong_count(job) == 1 && job.fate().is_over()
}

/// Waits for the end of a job and takes its outcome.
///
/// Inlined up to the user's code, as all that switches.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn join<R: 'static>(
    scheduler: &Scheduler,
    job: &Rc<dyn Join<R>>,
    own: bool,
    at: &'static Location<'static>,
) -> Result<R, JoinError> {
    let fate = job.fate();
    if !fate.is_over() {
        if own {
            return Err(JoinError::Current);
        }
        let me = scheduler.check_block(false).map_err(JoinError::from_refusal)?;
        if scheduler.core.table.borrow().outside() != 0 {
            find_cycle(scheduler, job, me.key, at).map_err(JoinError::Deadlock)?;
        }
        fate.add_joiner(me.key);
        scheduler.park(job.clone(), me.key, at).map_err(JoinError::Deadlock)?;
    }
    take_outcome(job)
}

/// Takes the outcome of a job that has ended.
#[inline]
pub(crate) fn take_outcome<R: 'static>(job: &Rc<dyn Join<R>>) -> Result<R, JoinError> {
    match job.fate().take() {
        End::Returned => match job.take_value() {
            Some(value) => Ok(value),
            None => Err(JoinError::Taken),
        },
        End::Killed => Err(JoinError::Killed),
        End::Panicked(payload) => Err(JoinError::Panicked(payload)),
        End::Taken => Err(JoinError::Taken),
    }
}

/// Fails if the end that is waited for needs the caller itself. What the usual rule for deadlocks finds, it finds later; but who
/// waits for what other threads could end, as a lock, is never the last one that could be woken.
#[cold]
fn find_cycle<R: 'static>(
    scheduler: &Scheduler,
    job: &Rc<dyn Join<R>>,
    ticket: u32,
    at: &'static Location<'static>,
) -> Result<(), Box<Report>> {
    let mut stuck = false;
    job.owners(ticket, &mut |owner| stuck |= scheduler.is_stuck(owner));
    if !stuck {
        return Ok(());
    }
    let cycle = scheduler.find_cycle(|tell| job.owners(ticket, tell), || job.describe(ticket), at);
    cycle.map_or(Ok(()), Err)
}

/// Why [`Tasklet::join`](crate::Tasklet::join) or [`Handle::join`](crate::Handle::join) has no value.
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
    /// The tasklet of a scope panicked; the scope tells with what.
    InScope,
    /// The caller has set its block trap.
    BlockTrap,
    /// The switch to another tasklet was refused.
    Refused(TaskletError),
    /// The time was up before the tasklet ended.
    TimedOut,
    /// It never began: its runtime was shut down first.
    NotStarted,
    /// Its thread ended while it refused to.
    ThreadEnded,
}

impl JoinError {
    pub(crate) fn from_refusal(refusal: Refusal) -> JoinError {
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
            JoinError::InScope => f.write_str("the tasklet panicked; its scope tells with what, where it ends"),
            JoinError::BlockTrap => f.write_str("the tasklet does not like to be blocked: its block trap is set"),
            JoinError::Refused(error) => error.fmt(f),
            JoinError::TimedOut => f.write_str("the time was up before the tasklet ended"),
            JoinError::NotStarted => f.write_str("the tasklet never began: its runtime was shut down first"),
            JoinError::ThreadEnded => f.write_str("the tasklet's thread ended while it refused to be killed"),
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
