//! Giving closures to a runtime.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::core::Scheduler;
use crate::spawn::Builder;
use crate::threads::error::{SpawnError, SpawnRefusal};
use crate::threads::handle::Handle;
use crate::threads::pool::{Pool, State};
use crate::threads::task::{Queued, Style, Task};
use crate::wakeup::inbox::Command;

type Site = &'static Location<'static>;

/// Spawns on a [`Runtime`](crate::Runtime) from anywhere. It does not keep the runtime going: when that is shut down, it is refused.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{Runtime, Spawner};
///
/// let runtime = Runtime::builder().threads(2).build()?;
/// let total = runtime.run(|| {
///     let spawner = Spawner::current().unwrap();
///     let parts = [1, 2, 3].map(|n| spawner.spawn(move || n * n).unwrap());
///     parts.iter().map(|part| part.join().unwrap()).sum::<i32>()
/// })?;
/// assert_eq!(total, 14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Spawner {
    pool: Arc<Pool>,
}

impl Spawner {
    pub(crate) fn new(pool: Arc<Pool>) -> Spawner {
        Spawner { pool }
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// That of the runtime whose worker the calling thread is.
    pub fn current() -> Option<Spawner> {
        let scheduler = Scheduler::local();
        scheduler.core.worker.get().map(|worker| Spawner::new(worker.pool.clone()))
    }

    /// Makes a tasklet of `body` on whichever worker takes it first; see [`Runtime::spawn`](crate::Runtime::spawn).
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the closure, if the runtime is being shut down.
    #[track_caller]
    pub fn spawn<F, R>(&self, body: F) -> Result<Handle<R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        spawn(&Scheduler::local(), &self.pool, body, None, Location::caller())
    }

    /// [`spawn`](Spawner::spawn), said to be done elsewhere.
    pub(crate) fn spawn_at<F, R>(&self, body: F, at: Site) -> Result<Handle<R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        spawn(&Scheduler::local(), &self.pool, body, None, at)
    }

    /// Makes a tasklet of `body` on this worker, counted from 0; see [`Runtime::spawn_on`](crate::Runtime::spawn_on).
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the closure, if the runtime is being shut down or has no such worker.
    #[track_caller]
    pub fn spawn_on<F, R>(&self, worker: usize, body: F) -> Result<Handle<R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.place(worker, body, None, Location::caller())
    }

    /// How many workers the runtime has.
    pub fn workers(&self) -> usize {
        self.pool.seats.len()
    }

    fn place<F, R>(&self, worker: usize, body: F, style: Option<Style>, at: Site) -> Result<Handle<R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let workers = self.pool.seats.len();
        if worker >= workers {
            return Err(SpawnError::new(body, SpawnRefusal::NoWorker { worker, workers }));
        }
        if self.pool.state() != State::Open {
            return Err(SpawnError::new(body, SpawnRefusal::ShutDown));
        }
        let task = Arc::new(Task::new(body, style, at));
        let inbox = self.pool.seats[worker].inbox.get();
        let taken = inbox.is_some_and(|inbox| inbox.post(Command::Start(Queued::new(task.clone()))));
        match if taken { None } else { task.reclaim() } {
            Some(body) => Err(SpawnError::new(body, SpawnRefusal::ShutDown)),
            None => Ok(Handle::new(task)),
        }
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pool { settings, seats, .. } = &*self.pool;
        f.debug_struct("Spawner").field("name", &settings.name).field("workers", &seats.len()).finish()
    }
}

/// Named tasklets of a runtime, or ones with stacks of another size.
impl Builder {
    /// As [`Spawner::spawn`].
    ///
    /// # Errors
    ///
    /// As [`Spawner::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::{Builder, Runtime, current};
    ///
    /// let runtime = Runtime::builder().threads(2).build()?;
    /// let who = Builder::new().name("counter").spawn_by(&runtime.spawner(), || current().to_string())?;
    /// assert!(who.join()?.contains("counter"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn spawn_by<F, R>(self, spawner: &Spawner, body: F) -> Result<Handle<R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        spawn(&Scheduler::local(), &spawner.pool, body, self.into_style(), Location::caller())
    }

    /// As [`Spawner::spawn_on`].
    ///
    /// # Errors
    ///
    /// As [`Spawner::spawn_on`].
    #[track_caller]
    pub fn spawn_on<F, R>(self, spawner: &Spawner, worker: usize, body: F) -> Result<Handle<R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        spawner.place(worker, body, self.into_style(), Location::caller())
    }

    fn into_style(self) -> Option<Style> {
        let Builder { name, stack_size, background } = self;
        Some(Style { name: name.map(|name| (*name).into()), stack_size, background })
    }
}

/// Makes a tasklet of `body` on whichever worker of this thread's runtime takes it first. Where that is the calling worker, it
/// is when nothing is runnable there: what was spawned last begins first then.
///
/// Use it for work that may be done anywhere; [`spawn`](crate::spawn) is for what stays on this thread, which need not be `Send`.
///
/// # Errors
///
/// [`SpawnError`] with the closure, if this thread is not a worker, or its runtime is being shut down.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{Runtime, spawn_anywhere};
///
/// fn sum(from: u64, to: u64) -> u64 {
///     if to - from < 1_000 {
///         return (from..to).sum();
///     }
///     let middle = (from + to) / 2;
///     let upper = spawn_anywhere(move || sum(middle, to)).unwrap();
///     sum(from, middle) + upper.join().unwrap()
/// }
///
/// let runtime = Runtime::builder().threads(2).build()?;
/// assert_eq!(runtime.run(|| sum(0, 10_000))?, 49_995_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn spawn_anywhere<F, R>(body: F) -> Result<Handle<R>, SpawnError<F>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let scheduler = Scheduler::local();
    match scheduler.core.worker.get() {
        Some(worker) => spawn(&scheduler, &worker.pool, body, None, Location::caller()),
        None => Err(SpawnError::new(body, SpawnRefusal::NoRuntime)),
    }
}

fn spawn<F, R>(
    scheduler: &Scheduler,
    pool: &Arc<Pool>,
    body: F,
    style: Option<Style>,
    at: Site,
) -> Result<Handle<R>, SpawnError<F>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    if pool.state() != State::Open {
        return Err(SpawnError::new(body, SpawnRefusal::ShutDown));
    }
    let task = Arc::new(Task::new(body, style, at));
    let queued = Queued::new(task.clone());
    match scheduler.core.worker.get().filter(|worker| Arc::ptr_eq(&worker.pool, pool)) {
        Some(worker) => worker.push(queued),
        None => {
            pool.injector.push(queued);
            pool.announce();
            // Its workers may all have ended since it was open; the last one may have looked before.
            if pool.state() == State::Ended {
                pool.drop_unstarted();
            }
        }
    }
    Ok(Handle::new(task))
}
