//! Several actors that do the same work.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::addr::Addr;
use super::error::{AskError, TellError};
use super::reply::Reply;

/// Actors that take the same messages: each message goes to one of them. A clone is the same pool.
///
/// # Examples
///
/// ```
/// use tasklets::actor::{self, Mailbox, Pool, Reply};
///
/// let pool = Pool::new((0..3).map(|number| {
///     actor::spawn(move |mailbox: &Mailbox<Reply<u32>>| {
///         for reply in mailbox {
///             reply.send(number).ok();
///         }
///     })
/// }));
/// let asked: Vec<_> = (0..4).map(|_| pool.ask(|reply| reply).unwrap()).collect();
/// assert_eq!(asked, [0, 1, 2, 0]);
/// let first = pool.ask_by("ada", |reply| reply).unwrap();
/// assert_eq!(pool.ask_by("ada", |reply| reply).unwrap(), first);
/// ```
#[derive(Debug)]
pub struct Pool<M: 'static> {
    shared: Arc<Shared<M>>,
}

#[derive(Debug)]
struct Shared<M: 'static> {
    workers: Vec<Addr<M>>,
    next: AtomicUsize,
    hasher: RandomState,
}

impl<M: 'static> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Pool { shared: self.shared.clone() }
    }
}

impl<M: 'static> Pool<M> {
    /// A pool of these actors.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn new(workers: impl IntoIterator<Item = Addr<M>>) -> Pool<M> {
        let workers: Vec<_> = workers.into_iter().collect();
        assert!(!workers.is_empty(), "a pool has at least one actor");
        Pool { shared: Arc::new(Shared { workers, next: AtomicUsize::new(0), hasher: RandomState::new() }) }
    }

    /// Its actors.
    pub fn workers(&self) -> &[Addr<M>] {
        &self.shared.workers
    }

    /// Whose turn it is. One that has ended is passed over, as long as another one is left.
    pub fn next(&self) -> &Addr<M> {
        let workers = self.workers();
        let turn = || self.shared.next.fetch_add(1, Ordering::Relaxed) % workers.len();
        let first = turn();
        if workers[first].is_alive() {
            return &workers[first];
        }
        (1..workers.len())
            .map(|_| turn())
            .find(|turn| workers[*turn].is_alive())
            .map_or(&workers[first], |turn| &workers[turn])
    }

    /// Who takes everything with this key, as long as it lives and after that.
    pub fn by_key(&self, key: impl Hash) -> &Addr<M> {
        let hash = self.shared.hasher.hash_one(key);
        &self.workers()[(hash % self.workers().len() as u64) as usize]
    }

    /// [`Addr::tell`] to the one whose turn it is.
    ///
    /// # Errors
    ///
    /// As [`Addr::tell`].
    ///
    /// # Panics
    ///
    /// As [`Addr::tell`].
    #[track_caller]
    pub fn tell(&self, message: M) -> Result<(), TellError<M>> {
        self.next().tell(message)
    }

    /// [`Addr::tell`] to the one for this key.
    ///
    /// # Errors
    ///
    /// As [`Addr::tell`].
    ///
    /// # Panics
    ///
    /// As [`Addr::tell`].
    #[track_caller]
    pub fn tell_by(&self, key: impl Hash, message: M) -> Result<(), TellError<M>> {
        self.by_key(key).tell(message)
    }

    /// [`Addr::ask`] of the one whose turn it is.
    ///
    /// # Errors
    ///
    /// As [`Addr::ask`].
    ///
    /// # Panics
    ///
    /// As [`Addr::ask`].
    #[track_caller]
    pub fn ask<R: Send + 'static>(&self, question: impl FnOnce(Reply<R>) -> M) -> Result<R, AskError<M>> {
        self.next().ask(question)
    }

    /// [`Addr::ask`] of the one for this key.
    ///
    /// # Errors
    ///
    /// As [`Addr::ask`].
    ///
    /// # Panics
    ///
    /// As [`Addr::ask`].
    #[track_caller]
    pub fn ask_by<R: Send + 'static>(
        &self,
        key: impl Hash,
        question: impl FnOnce(Reply<R>) -> M,
    ) -> Result<R, AskError<M>> {
        self.by_key(key).ask(question)
    }
}
