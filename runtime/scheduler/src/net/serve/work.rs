//! A tasklet that serves those connections that have something to read.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use super::connections::{Connection, Connections};
use super::listen::sealed::Connected;
use super::{Next, OnPanic, Panic};
use crate::core::Scheduler;
use crate::error::is_exit;

/// What is done with a connection.
type Serve<T, S> = Box<dyn Fn(&T, &mut S) -> io::Result<Next>>;

/// What is done with connections, and who is told if it panics.
pub(super) struct Each<T, S> {
    pub(super) serve: Serve<T, S>,
    pub(super) on_panic: Option<OnPanic>,
}

/// A connection that is being served. If that unwinds, it is closed.
struct Turn<'a, T: Connected + 'static, S: 'static> {
    connections: &'a Rc<Connections<T, S>>,
    scheduler: &'a Scheduler,
    number: u32,
    connection: Option<Connection<T, S>>,
}

impl<T: Connected, S> Drop for Turn<'_, T, S> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.connections.close(self.scheduler, self.number, connection);
        }
    }
}

impl<T: Connected, S> Connections<T, S> {
    /// Serves all that are ready, one after the other.
    pub(super) fn work(self: &Rc<Self>) {
        let scheduler = Scheduler::local();
        self.begin();
        while let Some((number, connection)) = self.take_ready(scheduler.current_id()) {
            let mut turn = Turn { connections: self, scheduler: &scheduler, number, connection: Some(connection) };
            let Some(connection) = &mut turn.connection else { continue };
            let serve = || (self.each.serve)(&connection.stream, &mut connection.state);
            match catch_unwind(AssertUnwindSafe(serve)) {
                Ok(Ok(Next::Wait)) => {
                    if let Some(connection) = turn.connection.take() {
                        self.let_wait(&scheduler, number, connection);
                    }
                }
                Ok(_) => {}
                Err(payload) => {
                    drop(turn);
                    self.panicked(payload);
                }
            }
        }
    }

    /// A closure has unwound, and its connection is closed.
    fn panicked(&self, payload: Panic) {
        // A kill, or another order to end: it is this tasklet's.
        if is_exit(&*payload) {
            resume_unwind(payload);
        }
        self.count(|served| served.panicked += 1);
        match &self.each.on_panic {
            Some(told) => told(payload),
            None => resume_unwind(payload),
        }
    }
}
