//! A runtime of several threads, from its start to its end.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Sender;
use crossbeam_deque::Worker as Queue;

use crate::core::Scheduler;
use crate::job::JoinError;
use crate::threads::affinity;
use crate::threads::builder::RuntimeBuilder;
use crate::threads::ended::{Alive, Ended};
use crate::threads::error::SpawnError;
use crate::threads::handle::Handle;
use crate::threads::pool::{Pool, State};
use crate::threads::spawner::Spawner;
use crate::threads::stall::RuntimeReport;
use crate::threads::task::Queued;
use crate::threads::worker::Worker;

/// Threads that run tasklets. What is spawned on it begins on whichever of them takes it first, and stays there.
///
/// Dropping it shuts it down: nothing new is taken in, what can go on without waiting goes on, and what waits then, for whatever it
/// may be, is killed. The thread waits for that: a destructor does not switch. To have all that was spawned finished, and other tasklets
/// of the thread go on meanwhile, call [`shutdown`](Runtime::shutdown). While the thread unwinds, everything is killed at once.
///
/// A process may have several. They share nothing.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::Runtime;
///
/// let runtime = Runtime::builder().threads(2).build()?;
/// let squares: Vec<_> = (1..=3).map(|n| runtime.spawn(move || n * n)).collect::<Result<_, _>>().unwrap();
/// let sum: i32 = squares.iter().map(|square| square.join().unwrap()).sum();
/// assert_eq!(sum, 14);
/// println!("{}", runtime.shutdown());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runtime {
    pool: Arc<Pool>,
    threads: Vec<JoinHandle<()>>,
    ended: Arc<Ended>,
}

/// What became of a runtime's tasklets when it was shut down.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shutdown {
    /// Tasklets that were killed: they waited for what nobody would bring, or the time was up.
    pub killed: usize,
    /// Closures that never began.
    pub unstarted: usize,
    /// Tasklets that refused to be killed; their stacks were given up.
    pub survived: usize,
    /// The caller is a tasklet of the runtime itself, which cannot wait for its own end: the workers end without it.
    pub unfinished: bool,
}

impl Shutdown {
    /// Whether all tasklets came to their own end.
    pub fn is_clean(&self) -> bool {
        *self == Shutdown::default()
    }
}

impl fmt::Display for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("all tasklets finished");
        }
        if self.unfinished {
            return f.write_str("the runtime ends when the tasklet that shuts it down has ended");
        }
        let Shutdown { killed, unstarted, survived, .. } = self;
        write!(f, "{killed} killed, {unstarted} never begun")?;
        match survived {
            0 => Ok(()),
            survived => write!(f, ", {survived} refused to be killed"),
        }
    }
}

impl Runtime {
    /// A builder of runtimes.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::new()
    }

    /// A runtime with a thread for each processor.
    ///
    /// # Errors
    ///
    /// As [`RuntimeBuilder::build`].
    pub fn new() -> io::Result<Runtime> {
        Runtime::builder().build()
    }

    /// Makes a tasklet of `body` on whichever worker takes it first. It begins there when nothing else is runnable, or when all
    /// workers have been busy for some thousand switches; it never leaves that worker then.
    ///
    /// The caller goes on, and never switches. The handle can [join](Handle::join) the result; dropping it detaches the tasklet.
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
        self.spawner().spawn(body)
    }

    /// Makes a tasklet of `body` on this worker, counted from 0, as the last of the runnable ones there.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the closure, if the runtime is being shut down or has no such worker.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::Runtime;
    ///
    /// let runtime = Runtime::builder().threads(2).build()?;
    /// let id = || std::thread::current().id();
    /// let (a, b) = (runtime.spawn_on(1, id).unwrap(), runtime.spawn_on(1, id).unwrap());
    /// assert_eq!(a.join().unwrap(), b.join().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_on<F, R>(&self, worker: usize, body: F) -> Result<Handle<R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawner().spawn_on(worker, body)
    }

    /// Runs `body` as a tasklet of the runtime and waits for its result, as [`Handle::join`] does.
    ///
    /// # Errors
    ///
    /// As [`Handle::join`].
    ///
    /// # Panics
    ///
    /// As [`Handle::join`].
    #[track_caller]
    pub fn run<R: Send + 'static>(&self, body: impl FnOnce() -> R + Send + 'static) -> Result<R, JoinError> {
        match self.spawn(body) {
            Ok(handle) => handle.join(),
            Err(_) => Err(JoinError::NotStarted),
        }
    }

    /// What spawns on it without keeping it.
    pub fn spawner(&self) -> Spawner {
        Spawner::new(self.pool.clone())
    }

    /// How many workers it has.
    pub fn workers(&self) -> usize {
        self.pool.seats.len()
    }

    /// Who is blocked now, on what and where, on all workers: the text that [`on_stall`](RuntimeBuilder::on_stall) is given.
    ///
    /// Each worker answers when it looks into its inbox, as for a [`RemoteTasklet`](crate::RemoteTasklet)'s commands. The calling thread
    /// waits for that, a second at the longest.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::Runtime;
    ///
    /// let runtime = Runtime::builder().threads(2).build()?;
    /// assert_eq!(runtime.dump().to_string(), "no tasklet is blocked");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dump(&self) -> RuntimeReport {
        self.pool.dump(Duration::from_secs(1))
    }

    /// Takes in nothing new, lets the tasklets finish, and ends the threads. The caller waits for that, as in [`Handle::join`]: others of its
    /// thread run meanwhile. A thread without others sleeps; so does one whose tasklet may not wait, as in a callback.
    ///
    /// Tasklets that nothing can make go on any more are killed: when all workers are idle, and none of their tasklets waits for a
    /// time or for something outside its thread; or, in a [closed](RuntimeBuilder::closed) runtime, for a time. One that waits for
    /// another thread, as for a message, is waited for, for ever if need be. Times that are waited for in the
    /// [background](crate::Builder::background) do not count.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile. The runtime is dropped by that: everything in it is killed at once.
    #[track_caller]
    pub fn shutdown(self) -> Shutdown {
        self.end(State::Closing, None, Location::caller())
    }

    /// [`shutdown`](Runtime::shutdown) for a limited time: what has not ended by then is [cancelled](crate::AnyTasklet::cancel), so that
    /// every blocking point raises in it; what is blocked still after some turns, in a [`shield`](crate::shield), is killed; and what has
    /// not begun is dropped.
    ///
    /// Code that neither ends nor switches cannot be killed, and is waited for. The time is real; where the caller's is
    /// [virtual](crate::with_virtual_time), its thread waits.
    ///
    /// # Panics
    ///
    /// As [`shutdown`](Runtime::shutdown).
    #[track_caller]
    pub fn shutdown_timeout(self, grace: Duration) -> Shutdown {
        self.end(State::Closing, Some(grace), Location::caller())
    }

    fn end(mut self, how: State, grace: Option<Duration>, at: &'static Location<'static>) -> Shutdown {
        let (ended, name) = (self.ended.clone(), format!("runtime {}", self.pool.settings.name));
        self.finish(how, grace, |time| ended.wait(time, &name, at))
    }

    /// Ends the workers; `wait` does so until they have ended, at most for a time, and tells whether they have.
    fn finish(&mut self, how: State, grace: Option<Duration>, wait: impl Fn(Option<Duration>) -> bool) -> Shutdown {
        let pool = &self.pool;
        pool.advance(how);
        let here = Scheduler::local();
        if here.core.worker.get().is_some_and(|worker| Arc::ptr_eq(&worker.pool, pool)) {
            self.threads.clear();
            return Shutdown { unfinished: true, ..Shutdown::default() };
        }
        if grace.is_some() && !wait(grace) {
            pool.advance(State::Stopping);
        }
        wait(None);
        for thread in self.threads.drain(..) {
            // What tasklets panic with is caught; what else panics has been printed.
            let _ = thread.join();
        }
        Shutdown {
            killed: pool.killed.load(Ordering::Relaxed),
            unstarted: pool.dropped.load(Ordering::Relaxed),
            survived: pool.survived.load(Ordering::Relaxed),
            unfinished: false,
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            let how = if std::thread::panicking() { State::Stopping } else { State::Draining };
            let ended = self.ended.clone();
            self.finish(how, None, |time| ended.block(time));
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pool { settings, seats, .. } = &*self.pool;
        let mut out = f.debug_struct("Runtime");
        out.field("name", &settings.name).field("workers", &seats.len()).field("state", &self.pool.state()).finish()
    }
}

/// Starts the workers, and waits until each listens.
pub(crate) fn start(pool: Arc<Pool>, queues: Vec<Queue<Queued>>, processors: &[usize]) -> io::Result<Runtime> {
    let ended = Arc::new(Ended::default());
    let (ready, readiness) = crossbeam_channel::unbounded();
    let mut runtime = Runtime { pool, threads: Vec::new(), ended: ended.clone() };
    for (index, queue) in queues.into_iter().enumerate() {
        let pool = runtime.pool.clone();
        let processor = processors.get(index % processors.len().max(1)).copied();
        let (alive, ready) = (Alive::new(&ended), ready.clone());
        let builder = std::thread::Builder::new().name(pool.seats[index].name.clone());
        let started = builder.spawn(move || {
            work(&pool, index, queue, processor, &ready);
            drop(alive);
        });
        match started.map(|thread| runtime.threads.push(thread)).and_then(|()| readiness.recv().unwrap_or(Ok(()))) {
            Ok(()) => {}
            Err(error) => {
                runtime.finish(State::Stopping, None, |time| ended.block(time));
                return Err(error);
            }
        }
    }
    Ok(runtime)
}

/// What a worker's thread does.
fn work(
    pool: &Arc<Pool>,
    index: usize,
    queue: Queue<Queued>,
    processor: Option<usize>,
    ready: &Sender<io::Result<()>>,
) {
    let pinned = processor.map_or(Ok(()), affinity::pin);
    let usable = pinned.is_ok();
    crate::enter(|| {
        let scheduler = Scheduler::local();
        let worker = scheduler.core.worker.get_or_init(|| Worker::new(pool.clone(), index, queue));
        let _ = worker.seat().inbox.set(scheduler.inbox().clone());
        let _ = ready.send(pinned);
        let hooks = &pool.settings.hooks;
        if usable {
            call(&scheduler, hooks.start.as_deref(), worker.index());
            scheduler.serve(worker);
            scheduler.wind_up(worker);
        }
        if pool.working.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Here, where destructors may use tasklets.
            pool.advance(State::Ended);
            pool.drop_unstarted();
        }
        drop(scheduler.kill_all());
        if usable {
            call(&scheduler, hooks.stop.as_deref(), worker.index());
        }
        scheduler.end_mail();
    });
}

/// Calls a hook, which may not switch.
fn call(scheduler: &Scheduler, hook: Option<&(dyn Fn(usize) + Send + Sync)>, index: usize) {
    let Some(hook) = hook else { return };
    if let Err(payload) = scheduler.trapped(|| hook(index)) {
        eprintln!("a thread hook panicked, which is ignored: {}", greenlet::panic_message(&payload));
        let _ = catch_unwind(AssertUnwindSafe(move || drop(payload)));
    }
}
