//! Waiting for descriptors: a tasklet that would block in the kernel is parked, and the others go on.
//!
//! Sockets are in [`net`](crate::net). [`Pollable`] makes any other descriptor that a poller can watch wait in a tasklet: a pipe, a
//! terminal, an inotify or timer descriptor, a library's own socket.
//!
//! Every operation asks the kernel first. Only if that says that it would block, is the descriptor registered with the thread's poller
//! (edge-triggered, both directions, once for each thread on which it is waited for), and the tasklet waits. A thread whose tasklets all
//! wait sleeps in the poller, until something is ready, the next deadline has come, or another thread wakes it. A busy thread looks at
//! its poller every fifth of a millisecond or so, when it switches, unless many that were told of events have still to go on: then it
//! lets those go on first, for some milliseconds at the most.
//!
//! Wake-ups are hints: who is woken tries again. Several tasklets may wait for the same direction of one descriptor, and are served
//! in the order in which they came.

mod error;
mod foresight;
pub(crate) mod operation;
mod perform;
mod pollable;
mod precise;
pub(crate) mod reactor;
pub(crate) mod readiness;
mod review;
mod seat;
pub(crate) mod source;
pub(crate) mod turns;
pub mod watch;

pub use error::WaitError;
pub use pollable::Pollable;
pub use review::lose_events;
