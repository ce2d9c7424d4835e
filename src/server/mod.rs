//! An orderly life of servers: connections in tasklets of their own, and an end that does not cut them off.
//!
//! [`graceful`] runs the tasklet that accepts until it is asked to stop. Then that one is killed, and with it the listener is closed; connections
//! that [idle](Connection::idle) end at once, the others have a time of grace to finish; who is there after that is killed, and unwinds, so that
//! destructors run. A second request to stop ends the grace.

mod accept;
mod graceful;

pub use accept::AcceptError;
pub use graceful::{Connection, Drained, Server, graceful};
