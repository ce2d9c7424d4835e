//! Making tasklets.

use std::panic::Location;
use std::rc::Rc;

use crate::core::Scheduler;
use crate::error::TaskletError;
use crate::job::{Job, Run};
use crate::joinable::Tasklet;
use crate::stacks::StackSize;
use crate::table::{Entry, Life, Place};
use crate::tasklet::AnyTasklet;
use crate::trace;

type Site = &'static Location<'static>;

/// Makes a tasklet that runs `body`, and makes it the last of the runnable ones.
///
/// It begins when it is its turn: the caller goes on. Nothing but the closure and a table entry is allocated before that.
/// The handle can [join](Tasklet::join) the result; dropping it detaches the tasklet.
///
/// Semantics: Stackless's `tasklet(func)()`.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::spawn;
///
/// let answer = spawn(|| 6 * 7);
/// assert_eq!(answer.join()?, 42);
/// # Ok::<(), tasklets_runtime::JoinError>(())
/// ```
#[track_caller]
pub fn spawn<R: 'static>(body: impl FnOnce() -> R + 'static) -> Tasklet<R> {
    Builder::new().spawn(body)
}

/// Makes tasklets with a name or a stack size, or paused.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{Builder, run};
///
/// let t = Builder::new().name("worker").stack_size(256 * 1024).paused(|| "done");
/// assert_eq!(format!("{t:?}"), r#"Tasklet { id: 1, name: "worker", state: paused }"#);
/// t.insert()?;
/// run();
/// assert_eq!(t.join()?, "done");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    pub(crate) name: Option<Rc<str>>,
    pub(crate) stack_size: StackSize,
    pub(crate) background: bool,
}

impl Builder {
    /// A builder of unnamed tasklets with the default stack size ([`greenlet::DEFAULT_STACK_SIZE`]).
    pub fn new() -> Builder {
        Builder::default()
    }

    /// A name for reports, errors and traces.
    pub fn name(mut self, name: impl Into<Rc<str>>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// The size of the stack in bytes, rounded up to a power of two, and as by [`greenlet::Builder::stack_size`]; at most 4 GiB.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = StackSize::holding(bytes);
        self
    }

    /// Makes it one that an orderly end of its runtime does not wait for, whatever time it waits for: what happens again and again as long as
    /// others go on, as the ticks of a clock. It is killed then, as those that wait for ever are, but not counted; see
    /// [`Runtime::shutdown`](crate::Runtime::shutdown). Outside of a runtime this means nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasklets_runtime::{Builder, Runtime, interval};
    ///
    /// let runtime = Runtime::builder().threads(1).build()?;
    /// Builder::new().background().spawn_by(&runtime.spawner(), || {
    ///     let mut hourly = interval(Duration::from_secs(3600));
    ///     while hourly.tick().is_ok() {}
    /// })?;
    /// assert!(runtime.shutdown().is_clean());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn background(mut self) -> Builder {
        self.background = true;
        self
    }

    /// Makes a tasklet and makes it the last of the runnable ones; see [`spawn`].
    #[track_caller]
    pub fn spawn<R: 'static>(self, body: impl FnOnce() -> R + 'static) -> Tasklet<R> {
        self.make(body, Place::Ring, Location::caller())
    }

    /// Makes a tasklet that runs only when it is [inserted](AnyTasklet::insert) or [run](AnyTasklet::run).
    ///
    /// Dropping its last handle drops it.
    ///
    /// Semantics: Stackless's `tasklet().bind(func, args)`.
    #[track_caller]
    #[must_use = "a paused tasklet whose last handle is dropped never runs"]
    pub fn paused<R: 'static>(self, body: impl FnOnce() -> R + 'static) -> Tasklet<R> {
        self.make(body, Place::Nowhere, Location::caller())
    }

    /// Makes a tasklet without a body; see [`AnyTasklet::bind`].
    #[track_caller]
    pub fn unbound(self) -> AnyTasklet {
        self.enter(Scheduler::local(), None, Place::Nowhere, Location::caller())
    }

    fn make<F: FnOnce() -> R + 'static, R: 'static>(self, body: F, place: Place, at: Site) -> Tasklet<R> {
        let scheduler = Scheduler::local();
        let job = Job::new(body, 1, &scheduler);
        let any = self.enter(scheduler, Some(job.clone()), place, at);
        job.is_of(any.key());
        Tasklet::adopt(any, job)
    }

    /// Enters a tasklet into the table, and into the ring if that is its place. The handle is the first one.
    fn enter(self, scheduler: Scheduler, job: Option<Rc<dyn Run>>, place: Place, at: Site) -> AnyTasklet {
        let Builder { name, stack_size, background } = self;
        let life = if job.is_some() { Life::Unstarted } else { Life::Unbound };
        let rare = Entry::rare_of(name, background);
        let mut table = scheduler.core.table.borrow_mut();
        let (key, generation) =
            table.add(|generation| Entry { generation, stack_size, life, job, rare, ..Entry::new(at) });
        if place == Place::Ring {
            table.append(key);
        }
        drop(table);
        if life == Life::Unstarted {
            trace::spawned(&scheduler, key);
        }
        AnyTasklet::adopt(scheduler, key, generation)
    }
}

/// Giving a tasklet another body, as Stackless's `bind` and `setup` do.
impl AnyTasklet {
    /// Gives a tasklet that is not alive, or paused before it has begun, a body to be set up. Its results are dropped.
    ///
    /// # Errors
    ///
    /// [`TaskletError`] if it is current, scheduled or has begun, and for main. The old body stays.
    pub fn bind(&self, body: impl FnOnce() + 'static) -> Result<(), TaskletError> {
        self.rebind(Some(Job::new(body, 0, self.scheduler())), Life::Bound)
    }

    /// [Binds](AnyTasklet::bind) a body and makes the tasklet alive and paused.
    ///
    /// # Errors
    ///
    /// As [`bind`](AnyTasklet::bind).
    pub fn bind_paused(&self, body: impl FnOnce() + 'static) -> Result<(), TaskletError> {
        self.rebind(Some(Job::new(body, 0, self.scheduler())), Life::Unstarted)
    }

    /// Takes the body away from a tasklet that has not begun.
    ///
    /// # Errors
    ///
    /// As [`bind`](AnyTasklet::bind).
    pub fn unbind(&self) -> Result<(), TaskletError> {
        self.rebind(None, Life::Unbound)
    }

    /// Makes a [bound](AnyTasklet::bind) tasklet alive and the last of the runnable ones.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Alive`] or [`TaskletError::Unbound`].
    pub fn setup(&self) -> Result<(), TaskletError> {
        let scheduler = self.scheduler();
        let key = self.key();
        let life = scheduler.core.table.borrow().get(key).life;
        match life {
            Life::Unstarted | Life::Started => return Err(TaskletError::Alive { tasklet: self.to_string() }),
            Life::Unbound | Life::Dead => return Err(TaskletError::Unbound { tasklet: self.to_string() }),
            Life::Bound => {}
        }
        let mut table = scheduler.core.table.borrow_mut();
        table.get_mut(key).life = Life::Unstarted;
        table.append(key);
        drop(table);
        trace::spawned(scheduler, key);
        Ok(())
    }

    fn rebind(&self, job: Option<Rc<dyn Run>>, life: Life) -> Result<(), TaskletError> {
        let scheduler = self.scheduler();
        let tasklet = || self.to_string();
        if self.is_main() {
            return Err(TaskletError::Main);
        }
        if self.is_current() {
            return Err(TaskletError::Current { tasklet: tasklet() });
        }
        let (place, old_life) = {
            let table = scheduler.core.table.borrow();
            let entry = table.get(self.key());
            (entry.place, entry.life)
        };
        if place != Place::Nowhere {
            return Err(TaskletError::Scheduled { tasklet: tasklet() });
        }
        if old_life == Life::Started {
            return Err(TaskletError::Started { tasklet: tasklet() });
        }
        scheduler.note_end(self.key());
        let old = {
            let mut table = scheduler.core.table.borrow_mut();
            let entry = table.get_mut(self.key());
            entry.life = life;
            entry.flags = Default::default();
            let (job, base) = (std::mem::replace(&mut entry.job, job), entry.base.take());
            (job, base, table.link_mut(self.key()).greenlet.take())
        };
        drop(old);
        Ok(())
    }
}
