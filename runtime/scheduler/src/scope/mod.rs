//! Structured concurrency: tasklets that borrow from the function that spawns them, and have ended when it goes on.
//!
//! The tasklets of a scope are its *members*. The lifetime of what a member borrows is erased by [`greenlet::Loans`] alone, which has the
//! argument why that is sound: it leaves no frame before all that it has lent is gone. What is here waits in that frame, in safe code, so
//! that the net down there, which can only kill and stop the thread, has nothing to do. In turn:
//!
//! 1. The body runs in a `catch_unwind`, so that whatever ends it, a kill, too, arrives in the scope's own frame, where nothing unwinds
//!    and others can run. The one who waits is the owner's own tasklet, on its own stack.
//! 2. A member is counted until its closure, and all that it captured, are gone: what counts it is dropped after the loan
//!    (`member.rs`). Neither handles nor the tasklet are asked, which could be forgotten, or given another body.
//! 3. What arrives while it waits is kept, and raised when the members have ended; but it cancels them. From the first
//!    cancellation on the wait is shielded, so that only kills arrive in it.
//! 4. Where nobody can be switched to, because the thread unwinds or switching is trapped, members of this thread are killed in place,
//!    and for those of other threads the thread stops (`leave.rs`).
//! 5. A member that ends itself by none of these is left to the net, which aborts.

pub(crate) mod error;
pub(crate) mod handle;
mod leave;
mod member;
pub(crate) mod remote;
pub(crate) mod remote_scope;
mod state;

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::Loans;

use crate::core::Scheduler;
use crate::scope::error::ScopeError;
use crate::scope::handle::ScopedTasklet;
use crate::scope::remote::ScopedHandle;
use crate::scope::remote_scope::RemoteScope;
use crate::scope::state::State;
use crate::seams::clock;
use crate::spawn::Builder;
use crate::threads::error::{SpawnError, SpawnRefusal};
use crate::threads::spawner::Spawner;

/// What tasklets that may borrow are spawned in. See [`scope`].
///
/// `'scope` is the time in which they run, `'env` that of what they borrow from outside. Members can use it, too, to spawn others.
///
/// It belongs to its thread; [`remote`](Scope::remote) is for others:
///
/// ```compile_fail,E0277
/// tasklets_runtime::scope(|s| {
///     std::thread::scope(|threads| { threads.spawn(|| s.cancel()); });
/// });
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    loans: Loans<'scope, 'env>,
    state: Rc<State>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Calls `f`, which may spawn tasklets that borrow what is outside of it, and returns when all of them have ended.
///
/// Whatever happens, the tasklets have ended, and their closures are gone, before this returns or unwinds:
///
/// - If `f` panics, or a member of the scope does, everything else in it is [cancelled](crate::AnyTasklet::cancel): the other members, and
///   `f`, wherever they block next. The first panic goes on in the caller; if there were more, they go on together, as
///   [`ScopePanics`](crate::ScopePanics). [`try_scope`] returns them.
/// - If the caller is killed or cancelled, or the time of a [`timeout`](crate::timeout()) around it is up, the members are cancelled, and
///   awaited; then the caller unwinds with that. A [`shield`](crate::shield) around the scope keeps a cancellation off all of it, one inside
///   of a member is for what that has to do before it ends.
/// - A member that is killed alone has ended, and nobody else is concerned.
/// - If nobody in the scope can go on any more, and nothing could wake them, everything is cancelled, and that is a deadlock.
///
/// Where the caller is killed by a destructor while the thread unwinds, the members are killed with it in place, as nobody else could run.
/// A member that neither a cancellation nor repeated kills can end, where nothing else could end it, ends the process, with a report.
///
/// Members run when the caller blocks: at the end of the scope, at the latest.
///
/// # Panics
///
/// As above; and if the scope is entered while the thread unwinds, or while switching is trapped. With a text for a deadlock, and if
/// `f` was [cancelled](Scope::cancel).
///
/// # Examples
///
/// ```
/// use tasklets_runtime::scope;
///
/// let texts = ["two words", "one", "and three more"];
/// let mut longest = "";
/// let words: usize = scope(|s| {
///     s.spawn(|| longest = texts.iter().max_by_key(|text| text.len()).unwrap());
///     let counts = texts.each_ref().map(|text| s.spawn(|| text.split(' ').count()));
///     counts.iter().map(|count| count.join().unwrap()).sum()
/// });
/// assert_eq!((words, longest), (6, "and three more"));
/// ```
///
/// What is borrowed is borrowed until the scope has ended, and comes from outside of it:
///
/// ```compile_fail,E0506
/// let mut n = 1;
/// tasklets_runtime::scope(|s| {
///     s.spawn(|| println!("{n}"));
///     n = 2;
/// });
/// ```
///
/// ```compile_fail,E0373
/// tasklets_runtime::scope(|s| {
///     let inside = 1;
///     s.spawn(|| println!("{inside}"));
/// });
/// ```
///
/// ```compile_fail
/// let mut kept = None;
/// tasklets_runtime::scope(|s| kept = Some(s.spawn(|| 1)));
/// ```
#[track_caller]
pub fn scope<'env, R>(f: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R) -> R {
    enter(None, f, Location::caller()).unwrap_or_else(|error| error.raise())
}

/// [`scope`], with what went wrong as a value.
///
/// # Errors
///
/// [`ScopeError`].
///
/// # Panics
///
/// Unwinds with a kill or a cancellation of the caller, once the members have ended.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{ScopeError, sleep, try_scope};
///
/// let failed = try_scope(|s| {
///     s.spawn(|| sleep(std::time::Duration::from_secs(3600)));
///     s.spawn(|| std::panic::resume_unwind(Box::new("no such file")));
///     "never returned"
/// });
/// let Err(ScopeError::Panicked(panics)) = failed else { panic!("one did") };
/// assert_eq!(panics.to_string(), "a tasklet of the scope panicked: no such file");
/// ```
#[track_caller]
pub fn try_scope<'env, R>(f: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R) -> Result<R, ScopeError> {
    enter(None, f, Location::caller())
}

/// [`try_scope`] for a limited time: if that is up before everything has ended, everything is cancelled.
///
/// # Errors
///
/// [`ScopeError::TimedOut`] then, and as [`try_scope`].
///
/// # Panics
///
/// As [`try_scope`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::{ScopeError, scope_timeout, sleep, with_virtual_time};
///
/// with_virtual_time(|| {
///     let done = std::cell::Cell::new(0);
///     let outcome = scope_timeout(Duration::from_secs(10), |s| {
///         for n in 1..=20 {
///             let done = &done;
///             s.spawn(move || {
///                 sleep(Duration::from_secs(n)).unwrap();
///                 done.set(done.get() + 1);
///             });
///         }
///     });
///     assert!(matches!(outcome, Err(ScopeError::TimedOut)));
///     assert!((9..=10).contains(&done.get()));
/// });
/// ```
#[track_caller]
pub fn scope_timeout<'env, R>(
    time: Duration,
    f: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
) -> Result<R, ScopeError> {
    enter(clock::deadline(&Scheduler::local(), time), f, Location::caller())
}

/// [`scope_timeout`] until a moment of [`now`](crate::now()).
///
/// # Errors
///
/// As [`scope_timeout`].
///
/// # Panics
///
/// As [`try_scope`].
#[track_caller]
pub fn scope_deadline<'env, R>(
    deadline: Instant,
    f: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
) -> Result<R, ScopeError> {
    enter(Some(deadline), f, Location::caller())
}

fn enter<'env, R>(
    deadline: Option<Instant>,
    f: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    at: &'static Location<'static>,
) -> Result<R, ScopeError> {
    let scheduler = Scheduler::local();
    scheduler.check_switch().map_err(ScopeError::Refused)?;
    let state = State::open(scheduler, deadline, at);
    let scope = Scope { loans: Loans::new(), state, env: PhantomData };
    scope.loans.open(|| {
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&scope)));
        scope.state.leave(outcome)
    })
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Makes a tasklet of `body`, which may borrow, as [`spawn`](crate::spawn()) does.
    ///
    /// In a scope that was [cancelled](Scope::cancel) it never begins.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    /// use tasklets_runtime::scope;
    ///
    /// let count = Cell::new(0);
    /// scope(|s| {
    ///     for _ in 0..3 {
    ///         s.spawn(|| {
    ///             count.set(count.get() + 1);
    ///             s.spawn(|| count.set(count.get() + 10));
    ///         });
    ///     }
    /// });
    /// assert_eq!(count.get(), 33);
    /// ```
    #[track_caller]
    pub fn spawn<R: 'scope>(&'scope self, body: impl FnOnce() -> R + 'scope) -> ScopedTasklet<'scope, R> {
        self.spawn_by(Builder::new(), body)
    }

    /// [`spawn`](Scope::spawn) with a name or a stack size.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::{Builder, scope};
    ///
    /// scope(|s| {
    ///     let worker = s.spawn_by(Builder::new().name("worker"), || "done");
    ///     assert_eq!(worker.name().as_deref(), Some("worker"));
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// In a destructor, if the scope is being left.
    #[track_caller]
    pub fn spawn_by<R: 'scope>(
        &'scope self,
        builder: Builder,
        body: impl FnOnce() -> R + 'scope,
    ) -> ScopedTasklet<'scope, R> {
        handle::spawn(&self.loans, &self.state, builder, body)
    }

    /// Makes a tasklet of `body`, which may borrow, on whichever worker of this thread's runtime takes it first, as
    /// [`spawn_anywhere`](crate::spawn_anywhere()) does. If the runtime is shut down before it begins, its closure is dropped, and it has
    /// ended.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the closure, if this thread is not a worker, or its runtime is being shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::{Runtime, scope};
    ///
    /// let runtime = Runtime::builder().threads(2).build()?;
    /// let total = runtime.run(|| {
    ///     let numbers: Vec<u64> = (0..1_000).collect();
    ///     scope(|s| {
    ///         let parts = numbers.chunks(250).map(|part| s.spawn_anywhere(move || part.iter().sum::<u64>()).unwrap());
    ///         parts.collect::<Vec<_>>().iter().map(|part| part.join().unwrap()).sum::<u64>()
    ///     })
    /// })?;
    /// assert_eq!(total, 499_500);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// What is not `Send` stays on its thread:
    ///
    /// ```compile_fail,E0277
    /// let here = std::cell::Cell::new(1);
    /// tasklets_runtime::scope(|s| drop(s.spawn_anywhere(|| here.set(2))));
    /// ```
    #[track_caller]
    pub fn spawn_anywhere<F, R>(&'scope self, body: F) -> Result<ScopedHandle<'scope, R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        match Spawner::current() {
            Some(spawner) => self.spawn_at(&spawner, body),
            None => Err(SpawnError::new(body, SpawnRefusal::NoRuntime)),
        }
    }

    /// [`spawn_anywhere`](Scope::spawn_anywhere) on another runtime. On a thread that is not one of a runtime, and not in
    /// [`enter`](crate::enter), only main's own scopes can do that.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the closure, if the runtime is being shut down, and with [`SpawnRefusal::NotEntered`].
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::{Runtime, scope};
    ///
    /// let runtime = Runtime::builder().threads(2).build()?;
    /// let text = String::from("borrowed by another thread");
    /// let words = scope(|s| s.spawn_at(&runtime.spawner(), || text.split(' ').count()).unwrap().join().unwrap());
    /// assert_eq!(words, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_at<F, R>(&'scope self, spawner: &Spawner, body: F) -> Result<ScopedHandle<'scope, R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        match self.remote() {
            Ok(remote) => remote.spawn_at(spawner, body),
            Err(reason) => Err(SpawnError::new(body, reason)),
        }
    }

    /// The scope for its members on other threads, which can spawn further ones by it, and cancel it; see [`RemoteScope`].
    ///
    /// # Errors
    ///
    /// [`SpawnRefusal::NotEntered`], as in [`spawn_at`](Scope::spawn_at).
    pub fn remote(&'scope self) -> Result<RemoteScope<'scope>, SpawnRefusal> {
        let loans = self.loans.shared().map_err(|_| SpawnRefusal::NotEntered)?;
        Ok(RemoteScope::new(loans, self.state.remote().clone()))
    }

    /// Cancels everything in the scope: each member, those that are spawned later, too, and the scope's own body, wherever they
    /// block next. The caller goes on.
    ///
    /// If the body returns all the same, the scope returns what it returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_runtime::{schedule_remove, scope};
    ///
    /// let first = scope(|s| {
    ///     for _ in 0..3 {
    ///         s.spawn(|| schedule_remove().unwrap());
    ///     }
    ///     s.cancel();
    ///     "no need to wait for them"
    /// });
    /// assert_eq!(first, "no need to wait for them");
    /// ```
    pub fn cancel(&self) {
        self.state.cancel();
    }

    /// Whether it was cancelled, by a call, a panic, or the end of its time.
    pub fn is_cancelled(&self) -> bool {
        self.state.is_cancelled() || self.state.is_told_to_cancel()
    }

    /// How many members have not ended.
    pub fn members(&self) -> usize {
        self.state.count()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("members", &self.members()).field("cancelled", &self.is_cancelled()).finish()
    }
}
