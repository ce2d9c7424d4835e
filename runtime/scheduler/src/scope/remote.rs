//! Members of a scope on other threads: closures that are `Send`, given to a runtime.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenlet::{Payload, SharedLent, SharedLoans};
use parking_lot::{Condvar, Mutex};
use slab::Slab;

use crate::core::Scheduler;
use crate::error::is_exit;
use crate::job::JoinError;
use crate::park::{Inbox, TaskletId};
use crate::threads::error::SpawnError;
use crate::threads::handle::Handle;
use crate::threads::spawner::Spawner;
use crate::wakeup::inbox::Command;

/// How long a thread that cannot switch waits before it looks again whom it could kill itself.
const MOMENT: Duration = Duration::from_millis(10);

/// The handle of what a scope has spawned on a runtime: it can wait for the result inside the scope. See
/// [`Scope::spawn_anywhere`](crate::Scope::spawn_anywhere).
pub struct ScopedHandle<'scope, R: 'scope = ()> {
    handle: Handle<()>,
    value: Arc<Mutex<Option<R>>>,
    scope: PhantomData<&'scope ()>,
}

/// What the threads share that a scope has members on.
pub(super) struct Remote {
    inbox: Inbox,
    /// What the scope is kept under on its thread, and the number that no other one has.
    scope: (u32, u64),
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// Nothing of a user's is called or dropped while it is locked.
#[derive(Default)]
struct Inner {
    members: Slab<Option<Handle<()>>>,
    waiter: Option<TaskletId>,
    cancelled: bool,
    panics: Vec<Payload>,
}

struct Member {
    lent: Option<SharedLent>,
    /// The last field: the member is counted until its closure is gone.
    place: Place,
}

struct Place {
    remote: Arc<Remote>,
    number: usize,
}

/// Gives a member of a scope to a runtime.
#[track_caller]
pub(super) fn spawn<'scope, F, R>(
    shared: &'scope SharedLoans<'scope>,
    remote: &Arc<Remote>,
    spawner: &Spawner,
    body: F,
) -> Result<ScopedHandle<'scope, R>, SpawnError<F>>
where
    F: FnOnce() -> R + Send + 'scope,
    R: Send + 'scope,
{
    let value = Arc::new(Mutex::new(None));
    // Until it is taken in it can be given back.
    let body = Arc::new(Mutex::new(Some(body)));
    let (place, own) = (value.clone(), body.clone());
    let lent = shared.lend(move || {
        let body = own.lock().take();
        if let Some(body) = body {
            let value = body();
            let old = place.lock().replace(value);
            drop(old);
        }
    });
    let lent = lent.unwrap_or_else(|error| panic!("nothing can be spawned any more: {error}"));
    let number = remote.inner.lock().members.insert(None);
    let member = Member { lent: Some(lent), place: Place { remote: remote.clone(), number } };
    match spawner.spawn_at(move || member.run(), Location::caller()) {
        Ok(handle) => {
            remote.is_member(number, &handle);
            Ok(ScopedHandle { handle, value, scope: PhantomData })
        }
        Err(error) => {
            let reason = error.reason();
            let back = body.lock().take();
            drop(error);
            Err(SpawnError::new(back.expect("it has not begun"), reason))
        }
    }
}

impl Member {
    fn run(mut self) {
        let Some(lent) = self.lent.take() else { return };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| lent.run())) {
            self.place.note(payload).unwrap_or_else(|exit| resume_unwind(exit));
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(move || drop(lent))) {
            drop(self.place.note(payload));
        }
    }
}

impl Place {
    fn note(&self, payload: Payload) -> Result<(), Payload> {
        if is_exit(&*payload) {
            return Err(payload);
        }
        self.remote.fail(payload);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Remote { inbox, inner, changed, .. } = &*self.remote;
        let (handle, waiter) = {
            let mut inner = inner.lock();
            let handle = inner.members.remove(self.number);
            (handle, if inner.members.is_empty() { inner.waiter.take() } else { None })
        };
        changed.notify_all();
        drop(handle);
        let Some(waiter) = waiter else { return };
        let here = Scheduler::local();
        if here.inbox() == inbox {
            here.wake_outside(waiter);
        } else {
            // If its thread has ended, nobody waits.
            inbox.wake(waiter);
        }
    }
}

impl Remote {
    pub(super) fn new(scheduler: &Scheduler, scope: (u32, u64)) -> Arc<Remote> {
        let (inner, changed) = Default::default();
        Arc::new(Remote { inbox: scheduler.inbox().clone(), scope, inner, changed })
    }

    fn is_member(&self, number: usize, handle: &Handle<()>) {
        let cancelled = {
            let mut inner = self.inner.lock();
            // It may have ended already.
            if let Some(place) = inner.members.get_mut(number) {
                *place = Some(handle.clone());
            }
            inner.cancelled
        };
        if cancelled {
            handle.cancel();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.inner.lock().members.len()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.inner.lock().cancelled
    }

    /// Notes who waits; false if there is nobody to wait for.
    pub(super) fn waits(&self, owner: TaskletId) -> bool {
        let mut inner = self.inner.lock();
        inner.waiter = (!inner.members.is_empty()).then_some(owner);
        inner.waiter.is_some()
    }

    pub(super) fn take_panics(&self) -> Vec<Payload> {
        std::mem::take(&mut self.inner.lock().panics)
    }

    pub(super) fn has_panicked(&self) -> bool {
        !self.inner.lock().panics.is_empty()
    }

    fn handles(&self) -> Vec<Handle<()>> {
        self.inner.lock().members.iter().filter_map(|(_, handle)| handle.clone()).collect()
    }

    /// Cancels the members; those that are spawned later, too.
    pub(super) fn cancel(&self) {
        self.inner.lock().cancelled = true;
        self.handles().iter().for_each(Handle::cancel);
    }

    /// A member has panicked.
    fn fail(&self, payload: Payload) {
        self.inner.lock().panics.push(payload);
        self.cancel_all();
    }

    /// Cancels the members, and tells the owner, who cancels those of its own thread, and is cancelled itself.
    pub(super) fn cancel_all(&self) {
        self.cancel();
        let (kept, number) = self.scope;
        self.inbox.post(Command::Do(Box::new(move |home| home.cancel_scope(kept, number))));
    }

    /// Nobody can be switched to: cancels the members, kills those that have begun on this thread in place, and waits for the
    /// others with the thread stopped. Members of this thread that refuse to end may be left.
    pub(super) fn end_in_place(&self, scheduler: &Scheduler, attempts: usize) {
        self.cancel();
        let mut left = attempts;
        while self.count() != 0 && left != 0 {
            let mut elsewhere = false;
            for handle in self.handles() {
                match handle.remote() {
                    Some(who) if who.inbox() == scheduler.inbox() => scheduler.kill_in_place(who.id()),
                    _ => elsewhere |= !handle.is_finished(),
                }
            }
            if elsewhere {
                let mut inner = self.inner.lock();
                if !inner.members.is_empty() {
                    self.changed.wait_for(&mut inner, MOMENT);
                }
            } else {
                left -= 1;
            }
        }
    }
}

impl<'scope, R: Send + 'scope> ScopedHandle<'scope, R> {
    /// Waits for the tasklet's end and takes its result, as [`Handle::join`] does.
    ///
    /// # Errors
    ///
    /// [`JoinError`]; [`JoinError::InScope`] if it panicked: with what is told where the scope ends.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[track_caller]
    pub fn join(&self) -> Result<R, JoinError> {
        self.handle.join()?;
        self.value.lock().take().ok_or(JoinError::InScope)
    }

    /// [`join`](ScopedHandle::join) for a limited time; the handle can join again after it.
    ///
    /// # Errors
    ///
    /// As [`join`](ScopedHandle::join), and [`JoinError::TimedOut`].
    ///
    /// # Panics
    ///
    /// As [`join`](ScopedHandle::join).
    #[track_caller]
    pub fn join_timeout(&self, time: Duration) -> Result<R, JoinError> {
        self.handle.join_timeout(time)?;
        self.value.lock().take().ok_or(JoinError::InScope)
    }

    /// [`join`](ScopedHandle::join) until a moment of [`now`](crate::now()).
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](ScopedHandle::join_timeout).
    ///
    /// # Panics
    ///
    /// As [`join`](ScopedHandle::join).
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<R, JoinError> {
        self.handle.join_deadline(deadline)?;
        self.value.lock().take().ok_or(JoinError::InScope)
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Kills it alone, as [`Handle::kill`] does.
    pub fn kill(&self) {
        self.handle.kill();
    }

    /// Cancels it alone, as [`Handle::cancel`] does.
    pub fn cancel(&self) {
        self.handle.cancel();
    }
}

impl<'scope, R: 'scope> fmt::Debug for ScopedHandle<'scope, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}
