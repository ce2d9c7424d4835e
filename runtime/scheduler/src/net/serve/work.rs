//! A tasklet that serves those connections that have something to read.

use std::io;
use std::rc::Rc;

use super::Next;
use super::connections::{Connection, Connections};
use crate::core::Scheduler;
use crate::net::TcpStream;

/// What is done with a connection.
pub(super) type Each<S> = Box<dyn Fn(&TcpStream, &mut S) -> io::Result<Next>>;

/// A connection that is being served. If that unwinds, it is closed.
struct Turn<'a, S: 'static> {
    connections: &'a Rc<Connections<S>>,
    scheduler: &'a Scheduler,
    number: u32,
    connection: Option<Connection<S>>,
}

impl<S> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.connections.close(self.scheduler, self.number, connection);
        }
    }
}

impl<S> Connections<S> {
    /// Serves all that are ready, one after the other.
    pub(super) fn work(self: &Rc<Self>) {
        let scheduler = Scheduler::local();
        self.begin();
        while let Some((number, connection)) = self.take_ready(scheduler.current_id()) {
            let mut turn = Turn { connections: self, scheduler: &scheduler, number, connection: Some(connection) };
            let Some(connection) = &mut turn.connection else { continue };
            let next = (self.each)(&connection.stream, &mut connection.state);
            if let Ok(Next::Wait) = next
                && let Some(connection) = turn.connection.take()
            {
                self.let_wait(&scheduler, number, connection);
            }
        }
    }
}
