//! An orderly life of servers: connections in tasklets of their own, and an end that does not cut them off.
//!
//! [`graceful`] runs the tasklet that accepts until it is asked to stop. Then that one is killed, and with it the listener is closed; connections
//! that [idle](Connection::idle) end at once, the others have a time of grace to finish; who is there after that is killed, and unwinds, so that
//! destructors run. A second request to stop ends the grace.
//!
//! Where connections wait most of the time, [`net::Server`](crate::net::Server) keeps no stacks for them, and has the same end by itself;
//! [`stop_on`] has it end when a message comes.

mod accept;
mod graceful;
mod stop_on;

pub use accept::AcceptError;
pub use graceful::{Acceptor, Connection, Drained, graceful};
pub use stop_on::{StopOn, stop_on};
