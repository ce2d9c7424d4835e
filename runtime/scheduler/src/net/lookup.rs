//! Looking up names, in a thread of its own.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{Location, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::core::Scheduler;
use crate::io::WaitError;
use crate::park::{Description, TaskletId, Terms, Unwoken, Wait};

/// A name that is being looked up for one tasklet.
struct Question {
    name: String,
    port: u16,
}

impl Wait for Question {
    fn unlink(&self, _ticket: u32) {}

    fn neighbours(&self, _ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        (None, None)
    }

    fn describe(&self, _ticket: u32) -> Description {
        Description { operation: "look up", on: format!("{}:{}", self.name, self.port) }
    }
}

/// Asks the system for the addresses of a name.
#[track_caller]
pub(super) fn addresses_of(name: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let at = Location::caller();
    let scheduler = Scheduler::local();
    let terms = Terms { deadline: None, outside: true };
    let question = Rc::new(Question { name, port });
    let refuse = |refusal| WaitError::refused("look up", question.describe(0).on, refusal);
    let id = scheduler.check_wait(false, terms).map_err(refuse)?;
    let answer = Arc::new(Mutex::new(None));
    let (theirs, inbox, name) = (answer.clone(), scheduler.inbox().clone(), question.name.clone());
    std::thread::Builder::new().name(format!("look up {name}")).spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        *theirs.lock() = Some(found);
        inbox.wake(id);
    })?;
    loop {
        match scheduler.wait_on(question.clone(), 0, at, terms) {
            Ok(()) => {}
            Err(Unwoken::Thrown(payload)) => resume_unwind(payload),
            Err(Unwoken::Deadlock(_) | Unwoken::TimedOut) => {
                unreachable!("the other thread wakes it, and no deadline was set")
            }
        }
        if let Some(found) = answer.lock().take() {
            return found;
        }
        scheduler.check_wait(false, terms).map_err(refuse)?;
    }
}
