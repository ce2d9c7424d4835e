//! The handle of a scope's member.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::Loans;

use crate::job::JoinError;
use crate::joinable::Tasklet;
use crate::scope::member::Member;
use crate::scope::state::State;
use crate::spawn::Builder;
use crate::tasklet::AnyTasklet;

/// A handle of a tasklet of a [`scope`](crate::scope()), which can wait for its result inside the scope. The result may borrow, too.
///
/// Dropping or forgetting it changes nothing for the tasklet. It can be killed, paused and asked as any [`AnyTasklet`].
///
/// # Examples
///
/// ```
/// use tasklets_runtime::scope;
///
/// let text = String::from("the quick brown fox");
/// let longest = scope(|s| {
///     let found = s.spawn(|| text.split(' ').max_by_key(|word| word.len()).unwrap());
///     found.join().unwrap()
/// });
/// assert_eq!(longest, "brown");
/// ```
pub struct ScopedTasklet<'scope, R: 'scope = ()> {
    tasklet: Tasklet<()>,
    value: Rc<Cell<Option<R>>>,
    scope: PhantomData<&'scope ()>,
}

/// Makes a member of a scope.
#[track_caller]
pub(super) fn spawn<'scope, R: 'scope>(
    loans: &'scope Loans<'scope, '_>,
    state: &Rc<State>,
    builder: Builder,
    body: impl FnOnce() -> R + 'scope,
) -> ScopedTasklet<'scope, R> {
    // The value may borrow, and so it is not kept with the tasklet, but by the closure and the handles.
    let value = Rc::new(Cell::new(None));
    let place = value.clone();
    let lent = loans.lend(move || place.set(Some(body())));
    let lent = lent.unwrap_or_else(|error| panic!("nothing can be spawned any more: {error}"));
    let (member, number) = Member::new(lent, state);
    let tasklet = builder.spawn(move || member.run());
    state.is_member(number, tasklet.id());
    ScopedTasklet { tasklet, value, scope: PhantomData }
}

impl<'scope, R: 'scope> ScopedTasklet<'scope, R> {
    /// Waits for the tasklet's end and takes its result, as [`Tasklet::join`] does.
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
        self.tasklet.join()?;
        self.value.take().ok_or(JoinError::InScope)
    }

    /// [`join`](ScopedTasklet::join) for a limited time; the handle can join again after it.
    ///
    /// # Errors
    ///
    /// As [`join`](ScopedTasklet::join), and [`JoinError::TimedOut`].
    ///
    /// # Panics
    ///
    /// As [`join`](ScopedTasklet::join).
    #[track_caller]
    pub fn join_timeout(&self, time: Duration) -> Result<R, JoinError> {
        self.tasklet.join_timeout(time)?;
        self.value.take().ok_or(JoinError::InScope)
    }

    /// [`join`](ScopedTasklet::join) until a moment of [`now`](crate::now()).
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](ScopedTasklet::join_timeout).
    ///
    /// # Panics
    ///
    /// As [`join`](ScopedTasklet::join).
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Result<R, JoinError> {
        self.tasklet.join_deadline(deadline)?;
        self.value.take().ok_or(JoinError::InScope)
    }
}

impl<'scope, R: 'scope> Deref for ScopedTasklet<'scope, R> {
    type Target = AnyTasklet;

    fn deref(&self) -> &AnyTasklet {
        &self.tasklet
    }
}

impl<'scope, R: 'scope> Clone for ScopedTasklet<'scope, R> {
    fn clone(&self) -> ScopedTasklet<'scope, R> {
        ScopedTasklet { tasklet: self.tasklet.clone(), value: self.value.clone(), scope: PhantomData }
    }
}

impl<'scope, R: 'scope> fmt::Debug for ScopedTasklet<'scope, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tasklet.fmt(f)
    }
}
