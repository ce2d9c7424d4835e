//! Locks and other ways to wait for each other, for tasklets of one thread and of several, and for plain threads: the names are those
//! of [`std::sync`].
//!
//! Who waits in one of these blocks its tasklet, not its thread. A plain thread waits in them as well: its own flow is the main
//! tasklet of a scheduler that has no other.
//!
//! All of them serve first come first, may be statics, and tell in reports who waits and, where somebody holds what is waited
//! for, who does, since where. A waiter that is killed or cancelled, or whose time is up, leaves the queue. What it had just got goes to the
//! next one if it is killed; else it has it, and a cancellation comes where it blocks next. An operation that fails with a [`WaitError`]
//! has changed nothing.
//!
//! | Primitive | What it is for |
//! | --- | --- |
//! | [`Mutex`] | a value that one tasklet at a time has access to |
//! | [`RwLock`] | a value that many read or one writes |
//! | [`Semaphore`] | a number of permits |
//! | [`Event`] | a flag to wait for |
//! | [`Condvar`] | waiting until something under a mutex is true |
//! | [`Barrier`] | a number of tasklets wait for each other |
//! | [`WaitGroup`] | waiting for the end of any number of workers |
//! | [`Once`], [`OnceLock`] | what is done or made once, by who comes first |
//!
//! **Poisoning.** A tasklet that unwinds, by a panic or a kill, lets go of what it holds, and nobody is refused for that: kills are a matter
//! of course here, and code that has to answer each with an error or a panic of its own would only spread them. [`Mutex`] and
//! [`RwLock`] note it for those who want to know ([`Mutex::is_poisoned`]); what was to be done [`Once`] is done by the next one.
//!
//! Other threads might always end such a wait. So a thread whose tasklets all wait here sleeps: it is no deadlock as with a
//! [`Channel`](crate::Channel), unless they wait for each other in a cycle.

mod barrier;
mod chair;
mod condvar;
mod core;
mod error;
mod event;
mod mutex;
mod once;
mod once_lock;
mod queue;
mod rwlock;
mod rwlock_guards;
mod semaphore;
mod wait_group;
mod waiting;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, CondvarError, WaitTimeoutResult};
pub use error::{WaitError, WaitReason};
pub use event::Event;
pub use mutex::{Mutex, MutexGuard};
pub use once::Once;
pub use once_lock::OnceLock;
pub use rwlock::RwLock;
pub use rwlock_guards::{RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{Semaphore, SemaphorePermit};
pub use wait_group::{WaitGroup, Worker};
