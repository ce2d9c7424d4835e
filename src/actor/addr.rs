//! Addresses.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tasklets_runtime::park::Terms;

use super::asking::{Asking, join};
use super::core::{Order, Phase};
use super::error::{AskError, TellError};
use super::node::{Node, Patience, Unput};
use super::reason::{Badge, Down, Reason};
use super::reply::{Reply, Unanswered, slot};
use super::waiter::{FOREVER, Site, until, within};

/// An actor that takes messages of this type.
pub(super) trait Port<M>: Node {
    fn put(&self, message: M, patience: Patience, at: Site) -> Result<(), (M, Unput)>;
    /// Before all other messages. What is refused goes to the policy.
    fn put_first(&self, message: M);
}

/// The address of an actor that takes messages of the type `M`. A clone is another address of the same one.
///
/// An actor that nobody has an address of any more ends when it has handled what is queued, unless a supervisor keeps it.
pub struct Addr<M: 'static> {
    port: Arc<dyn Port<M>>,
}

/// The address of an actor whatever its messages are: it can be watched and ended.
pub struct AnyAddr {
    node: Arc<dyn Node>,
}

/// How an actor stands.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActorState {
    /// It has not begun, or is about to be begun again.
    Resting,
    /// It waits for a message.
    Idle,
    /// It handles one, or is about to.
    Busy,
    /// It has ended.
    Ended(Reason),
}

/// Tells which monitor to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorId(pub(super) u64);

macro_rules! common {
    ($kind:ident $(<$m:ident>)?, $field:ident) => {
        /// What is the same for all kinds of addresses.
        impl$(<$m: 'static>)? $kind$(<$m>)? {
            /// What names it in messages.
            pub fn badge(&self) -> &Badge {
                self.$field.badge()
            }

            /// How it stands.
            pub fn state(&self) -> ActorState {
                match self.$field.phase() {
                    Phase::Resting => ActorState::Resting,
                    Phase::Idle => ActorState::Idle,
                    Phase::Busy => ActorState::Busy,
                    Phase::Ended(reason) => ActorState::Ended(reason),
                }
            }

            /// Whether it has not ended.
            pub fn is_alive(&self) -> bool {
                !matches!(self.$field.phase(), Phase::Ended(_))
            }

            /// How many messages are queued. Those that the actor has taken out to handle them are not counted.
            pub fn queued(&self) -> usize {
                self.$field.queued()
            }

            /// How many messages were handed to the policy for undelivered ones, or dropped where there is none.
            pub fn undelivered(&self) -> u64 {
                self.$field.undelivered()
            }

            /// Ends it in an orderly way: it takes in nothing new, and ends when it has handled what is queued. Does not wait.
            pub fn stop(&self) {
                self.$field.order(Order::Finish(Reason::Stopped));
            }

            /// Ends it after the message that it is handling; what is queued goes to the policy. Does not wait.
            pub fn stop_now(&self) {
                self.$field.order(Order::Halt(Reason::Stopped));
            }

            /// Ends it at its next blocking point, at once if it is idle; what is queued goes to the policy. Does not wait.
            ///
            /// It is [cancelled](crate::AnyTasklet::cancel): whatever it does to go on, every further blocking point raises, too, but for
            /// those in a [`shield`](crate::shield).
            pub fn kill(&self) {
                self.$field.order(Order::Kill(Reason::Killed));
            }

            /// Waits until it has ended, or was ended by a fault and waits for its supervisor; why.
            ///
            /// # Panics
            ///
            /// Unwinds with what is thrown into the caller meanwhile.
            #[track_caller]
            pub fn join(&self) -> Reason {
                join(&*self.$field, FOREVER, Location::caller()).unwrap_or(Reason::Abandoned)
            }

            /// [`join`](Self::join) for this long at most; none if its time was up, or the caller may not wait.
            ///
            /// # Panics
            ///
            /// Unwinds with what is thrown into the caller meanwhile.
            #[track_caller]
            pub fn join_timeout(&self, time: Duration) -> Option<Reason> {
                join(&*self.$field, within(time), Location::caller())
            }

            /// [`join`](Self::join) until this moment of [`now`](crate::now()) at most; none as for [`join_timeout`](Self::join_timeout).
            ///
            /// # Panics
            ///
            /// Unwinds with what is thrown into the caller meanwhile.
            #[track_caller]
            pub fn join_deadline(&self, deadline: Instant) -> Option<Reason> {
                join(&*self.$field, until(deadline), Location::caller())
            }

            /// Calls `tell` when it ends, on the thread where it does; at once, if it has ended. `tell` may not block: to be told by a
            /// message, let it send one. A supervised actor that is begun again has ended before.
            pub fn monitor(&self, tell: impl FnOnce(Down) + Send + 'static) -> MonitorId {
                MonitorId(self.$field.watch(Box::new(tell)))
            }

            /// Takes a monitor back; false if it has been told.
            pub fn demonitor(&self, monitor: MonitorId) -> bool {
                self.$field.unwatch(monitor.0)
            }
        }

        impl$(<$m: 'static>)? Clone for $kind$(<$m>)? {
            fn clone(&self) -> Self {
                self.$field.addrs().fetch_add(1, Ordering::Relaxed);
                $kind { $field: self.$field.clone() }
            }
        }

        impl$(<$m: 'static>)? Drop for $kind$(<$m>)? {
            fn drop(&mut self) {
                if self.$field.addrs().fetch_sub(1, Ordering::AcqRel) == 1 {
                    self.$field.is_forgotten();
                }
            }
        }

        impl$(<$m: 'static>)? fmt::Debug for $kind$(<$m>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}, {:?}, {} queued)", stringify!($kind), self.$field.badge(), self.$field.phase(), self.$field.queued())
            }
        }
    };
}

common!(Addr<M>, port);
common!(AnyAddr, node);

impl AnyAddr {
    pub(super) fn new(node: Arc<dyn Node>) -> AnyAddr {
        node.addrs().fetch_add(1, Ordering::Relaxed);
        AnyAddr { node }
    }

    pub(super) fn node(&self) -> &Arc<dyn Node> {
        &self.node
    }
}

impl<M: 'static> Addr<M> {
    pub(super) fn new(port: Arc<dyn Port<M>>) -> Addr<M> {
        port.addrs().fetch_add(1, Ordering::Relaxed);
        Addr { port }
    }
}

impl<M: 'static> Addr<M> {
    pub(super) fn port(&self) -> &Arc<dyn Port<M>> {
        &self.port
    }

    /// Its address without the type of its messages.
    pub fn any(&self) -> AnyAddr {
        AnyAddr::new(self.port.clone())
    }

    /// Sends a message. Waits while the mailbox is full, if the actor is made so; does not switch otherwise.
    ///
    /// # Errors
    ///
    /// [`TellError`] with the message, if the actor takes nothing in any more.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[track_caller]
    #[inline]
    pub fn tell(&self, message: M) -> Result<(), TellError<M>> {
        self.put(message, Some(FOREVER), Location::caller())
    }

    /// Sends a message if there is room. Never switches.
    ///
    /// # Errors
    ///
    /// [`TellError`] with the message.
    #[track_caller]
    #[inline]
    pub fn try_tell(&self, message: M) -> Result<(), TellError<M>> {
        self.put(message, None, Location::caller())
    }

    /// [`tell`](Addr::tell) that waits for this long at most.
    ///
    /// # Errors
    ///
    /// [`TellError`] with the message.
    ///
    /// # Panics
    ///
    /// As [`tell`](Addr::tell).
    #[track_caller]
    pub fn tell_timeout(&self, message: M, time: Duration) -> Result<(), TellError<M>> {
        self.put(message, Some(within(time)), Location::caller())
    }

    /// [`tell`](Addr::tell) that waits until this moment of [`now`](crate::now()) at most.
    ///
    /// # Errors
    ///
    /// [`TellError`] with the message.
    ///
    /// # Panics
    ///
    /// As [`tell`](Addr::tell).
    #[track_caller]
    pub fn tell_deadline(&self, message: M, deadline: Instant) -> Result<(), TellError<M>> {
        self.put(message, Some(until(deadline)), Location::caller())
    }

    /// Sends a message that comes before all that are queued, however full the mailbox is, and after others that were sent so. Never
    /// switches. If the actor has ended, it goes to the actor's policy.
    pub fn tell_first(&self, message: M) {
        self.port.put_first(message);
    }

    /// Sends a question and waits for the answer.
    ///
    /// # Errors
    ///
    /// [`AskError`], which has the question if it was not sent. A cycle of actors that ask each other is a
    /// [`Deadlock`](AskError::Deadlock), on whatever threads they are; it is not noticed where an actor waits by other means.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[track_caller]
    pub fn ask<R: Send + 'static>(&self, question: impl FnOnce(Reply<R>) -> M) -> Result<R, AskError<M>> {
        self.ask_on(question, FOREVER, Location::caller())
    }

    /// [`ask`](Addr::ask) that waits for this long at most, for room in the mailbox and for the answer together.
    ///
    /// # Errors
    ///
    /// As [`ask`](Addr::ask). What is answered too late is dropped; [`Reply::send`] tells the actor.
    ///
    /// # Panics
    ///
    /// As [`ask`](Addr::ask).
    #[track_caller]
    pub fn ask_timeout<R: Send + 'static>(
        &self,
        question: impl FnOnce(Reply<R>) -> M,
        time: Duration,
    ) -> Result<R, AskError<M>> {
        self.ask_on(question, within(time), Location::caller())
    }

    /// [`ask`](Addr::ask) that waits until this moment of [`now`](crate::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`ask_timeout`](Addr::ask_timeout).
    ///
    /// # Panics
    ///
    /// As [`ask`](Addr::ask).
    #[track_caller]
    pub fn ask_deadline<R: Send + 'static>(
        &self,
        question: impl FnOnce(Reply<R>) -> M,
        deadline: Instant,
    ) -> Result<R, AskError<M>> {
        self.ask_on(question, until(deadline), Location::caller())
    }

    #[inline]
    fn put(&self, message: M, patience: Patience, at: Site) -> Result<(), TellError<M>> {
        let put = self.port.put(message, patience, at);
        put.map_err(|(message, unput)| TellError::new(message, self.port.badge().clone(), unput))
    }

    pub(super) fn ask_on<R: Send + 'static>(
        &self,
        question: impl FnOnce(Reply<R>) -> M,
        terms: Terms,
        at: Site,
    ) -> Result<R, AskError<M>> {
        let (slot, reply) = slot();
        let asking = match Asking::begin(&self.port, &slot) {
            Ok(asking) => asking,
            Err(members) => return Err(AskError::Deadlock(members)),
        };
        self.put(question(reply), Some(terms), at).map_err(AskError::Untold)?;
        let answer = slot.wait(self.port.badge().id, terms, at);
        drop(asking);
        answer.map_err(|unanswered| {
            let badge = self.port.badge().clone();
            match unanswered {
                Unanswered::Dropped => AskError::Unanswered(badge),
                Unanswered::TimedOut => AskError::TimedOut(badge),
                Unanswered::MayNotWait(refusal) => AskError::MayNotWait(refusal),
            }
        })
    }
}
