//! Locks and other ways to wait for each other, for tasklets of one thread and of several, and for plain threads: the names are those
//! of [`std::sync`].
//!
//! Who waits in one of these blocks its tasklet, not its thread. A plain thread waits in them as well: its own flow is the main
//! tasklet of a scheduler that has no other.
//!
//! All of them serve first come first, may be statics, and tell in reports who waits and, where somebody holds what is waited
//! for, who does, since where. A waiter that is killed, or whose time is up, leaves the queue; what it had just got goes to the next
//! one. An operation fails with a [`WaitError`], and has changed nothing then.
//!
//! Other threads might always end such a wait. So a thread whose tasklets all wait here sleeps: it is no deadlock as with a
//! [`Channel`](crate::Channel), unless they wait for each other in a cycle.

mod core;
mod error;
mod mutex;
mod post;
mod queue;

pub use error::{WaitError, WaitReason};
pub use mutex::{Mutex, MutexGuard};
