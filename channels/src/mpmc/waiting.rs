//! What tasklets of one thread wait on: the channel, as their scheduler sees it.

use std::sync::{Arc, Weak};

use tasklets_runtime::park::{Description, TaskletId, Wait};

use super::core::Core;
use super::error::{Handles, Operation};
use crate::shared::waiters::Waiters;

/// Kept by the scheduler of every thread where somebody has waited on the channel, so that a wait counts an `Rc`. It does not keep the
/// channel: who waits has a handle.
pub(super) struct Seat<T> {
    core: Weak<Core<T>>,
}

impl<T> Seat<T> {
    pub(super) fn new(core: Weak<Core<T>>) -> Seat<T> {
        Seat { core }
    }

    fn with<R>(&self, look: impl FnOnce(&Arc<Core<T>>) -> R) -> Option<R> {
        self.core.upgrade().as_ref().map(look)
    }
}

/// What the scheduler is told of a ticket: it says on which side it is, too.
#[inline]
pub(super) fn seat_ticket(operation: Operation, ticket: u32) -> u32 {
    ticket << 1 | u32::from(operation == Operation::Send)
}

fn operation(ticket: u32) -> (Operation, u32) {
    (if ticket & 1 == 1 { Operation::Send } else { Operation::Recv }, ticket >> 1)
}

impl<T: 'static> Wait for Seat<T> {
    fn unlink(&self, ticket: u32) {
        let (operation, ticket) = operation(ticket);
        self.with(|core| {
            let mut state = core.lock();
            match operation {
                Operation::Send => state.sending.unlink(ticket),
                Operation::Recv => state.receiving.unlink(ticket),
            }
        });
    }

    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (operation, ticket) = operation(ticket);
        let beside = |waiters: &Waiters<Option<T>>| waiters.neighbours(ticket, waiters.owner(ticket).thread());
        let neighbours = self.with(|core| {
            let state = core.lock();
            match operation {
                Operation::Send => beside(&state.sending),
                Operation::Recv => beside(&state.receiving),
            }
        });
        neighbours.unwrap_or_default()
    }

    fn describe(&self, ticket: u32) -> Description {
        let (operation, _) = operation(ticket);
        let on = self.with(|core| {
            let (senders, receivers) = {
                let state = core.lock();
                (state.senders, state.receivers)
            };
            format!("{} ({})", core.label, Handles { senders, receivers })
        });
        Description { operation: operation.name(), on: on.unwrap_or_default() }
    }
}
