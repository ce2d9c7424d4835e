//! `RemoteScope`: a scope, for its members on other threads.
//!
//! It needs nothing of the scope's thread. What it spawns is lent by [`SharedLoans`], which does so on any thread, and counted in
//! [`Remote`], as all members of other threads are, before whoever spawns it can end. So the count is not 0 before the last one has ended.

use std::fmt;
use std::sync::Arc;

use greenlet::SharedLoans;

use crate::scope::remote::{self, Remote, ScopedHandle};
use crate::threads::error::{SpawnError, SpawnRefusal};
use crate::threads::spawner::Spawner;

/// A [`Scope`](crate::Scope) that members on other threads can use, to spawn further ones, or to cancel it. Made by
/// [`Scope::remote`](crate::Scope::remote).
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use tasklets_runtime::{RemoteScope, Runtime, scope};
///
/// fn visit<'scope>(tree: &'scope [usize], seen: &'scope AtomicUsize, s: &RemoteScope<'scope>) {
///     let Some((_, rest)) = tree.split_first() else { return };
///     seen.fetch_add(1, Ordering::Relaxed);
///     let (left, right) = rest.split_at(rest.len() / 2);
///     for half in [left, right] {
///         let theirs = s.clone();
///         drop(s.spawn_anywhere(move || visit(half, seen, &theirs)).unwrap());
///     }
/// }
///
/// let runtime = Runtime::builder().threads(2).build()?;
/// let (tree, seen) = (vec![1; 100], AtomicUsize::new(0));
/// scope(|s| {
///     let remote = s.remote().unwrap();
///     let (tree, seen) = (&tree[..], &seen);
///     drop(s.spawn_at(&runtime.spawner(), move || visit(tree, seen, &remote)).unwrap());
/// });
/// assert_eq!(seen.into_inner(), 100);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// What it spawns borrows from outside the scope, as ever, and not from whoever spawns it:
///
/// ```compile_fail,E0373
/// use tasklets_runtime::{Runtime, scope};
///
/// let runtime = Runtime::builder().threads(2).build().unwrap();
/// scope(|s| {
///     let remote = s.remote().unwrap();
///     let spawns = move || {
///         let own = 1;
///         drop(remote.spawn_anywhere(|| println!("{own}")));
///     };
///     drop(s.spawn_at(&runtime.spawner(), spawns));
/// });
/// ```
///
/// It does not leave the scope:
///
/// ```compile_fail,E0521
/// let mut kept = None;
/// tasklets_runtime::scope(|s| kept = Some(s.remote()));
/// ```
pub struct RemoteScope<'scope> {
    loans: &'scope SharedLoans<'scope>,
    remote: Arc<Remote>,
}

impl<'scope> RemoteScope<'scope> {
    pub(super) fn new(loans: &'scope SharedLoans<'scope>, remote: Arc<Remote>) -> RemoteScope<'scope> {
        RemoteScope { loans, remote }
    }

    /// [`Scope::spawn_anywhere`](crate::Scope::spawn_anywhere), on the runtime of the calling thread.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the closure, if the calling thread is not a worker, or its runtime is being shut down.
    ///
    /// # Panics
    ///
    /// In a destructor, if the scope is being left.
    #[track_caller]
    pub fn spawn_anywhere<F, R>(&self, body: F) -> Result<ScopedHandle<'scope, R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        match Spawner::current() {
            Some(spawner) => self.spawn_at(&spawner, body),
            None => Err(SpawnError::new(body, SpawnRefusal::NoRuntime)),
        }
    }

    /// [`Scope::spawn_at`](crate::Scope::spawn_at).
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the closure, if the runtime is being shut down.
    ///
    /// # Panics
    ///
    /// In a destructor, if the scope is being left.
    #[track_caller]
    pub fn spawn_at<F, R>(&self, spawner: &Spawner, body: F) -> Result<ScopedHandle<'scope, R>, SpawnError<F>>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        remote::spawn(self.loans, &self.remote, spawner, body)
    }

    /// [`Scope::cancel`](crate::Scope::cancel): members on other threads at once, the body and those of the scope's thread when that
    /// looks into its inbox, as for a [`RemoteTasklet`](crate::RemoteTasklet)'s commands. The caller goes on.
    pub fn cancel(&self) {
        self.remote.cancel_all();
    }

    /// Whether it was cancelled, by a call, a panic, or the end of its time. The other threads are told of that in turn.
    pub fn is_cancelled(&self) -> bool {
        self.remote.is_cancelled()
    }
}

impl Clone for RemoteScope<'_> {
    fn clone(&self) -> Self {
        RemoteScope { loans: self.loans, remote: self.remote.clone() }
    }
}

impl fmt::Debug for RemoteScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteScope")
            .field("members", &self.remote.count())
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}
