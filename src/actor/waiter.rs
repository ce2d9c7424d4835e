//! Who waits for something of an actor, and what is said of that in reports.

use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tasklets_channels::Sender;
use tasklets_runtime::park::{Description, Inbox, TaskletId, Terms, Wait};
use tasklets_runtime::{Scheduler, now};

pub(super) type Site = &'static Location<'static>;

/// Somebody to be woken, with every lock released.
pub(super) enum Waiter {
    Tasklet(Inbox, TaskletId),
    /// A select that has the mailbox among its arms.
    Bell(Sender<()>),
}

impl Waiter {
    /// The running tasklet.
    pub(super) fn me(scheduler: &Scheduler) -> Waiter {
        Waiter::Tasklet(scheduler.inbox().clone(), scheduler.current_id())
    }

    pub(super) fn is(&self, inbox: &Inbox, id: TaskletId) -> bool {
        matches!(self, Waiter::Tasklet(there, other) if other == &id && there == inbox)
    }

    /// False if its thread has ended.
    pub(super) fn wake(self) -> bool {
        match self {
            Waiter::Tasklet(inbox, id) => {
                let scheduler = Scheduler::local();
                if inbox == *scheduler.inbox() {
                    scheduler.wake(id);
                    return true;
                }
                inbox.wake(id)
            }
            // A bell that has been rung already does as well.
            Waiter::Bell(bell) => bell.try_send(()).map_or_else(|error| error.is_full(), |()| true),
        }
    }
}

/// What a tasklet does that waits for an actor.
#[derive(Clone, Copy)]
pub(super) enum Doing {
    Receive,
    Tell,
    Ask,
}

/// What is waited on. Who waits leaves the actor's queue by itself, when it goes on; the ticket is the actor's number.
struct Bench(Doing);

impl Wait for Bench {
    fn unlink(&self, _ticket: u32) {}

    fn describe(&self, ticket: u32) -> Description {
        match self.0 {
            Doing::Receive => Description { operation: "receive", on: format!("the mailbox of actor {ticket}") },
            Doing::Tell => Description { operation: "tell", on: format!("the full mailbox of actor {ticket}") },
            Doing::Ask => Description { operation: "ask", on: format!("the answer of actor {ticket}") },
        }
    }
}

thread_local! {
    static BENCHES: [Rc<dyn Wait>; 3] = [Rc::new(Bench(Doing::Receive)), Rc::new(Bench(Doing::Tell)), Rc::new(Bench(Doing::Ask))];
}

/// What to park on.
pub(super) fn bench(doing: Doing) -> Rc<dyn Wait> {
    BENCHES.try_with(|benches| benches[doing as usize].clone()).unwrap_or_else(|_| Rc::new(Bench(doing)))
}

/// The ticket for the actor with this number.
pub(super) fn ticket(id: u64) -> u32 {
    (id % u64::from(u32::MAX)) as u32
}

pub(super) const FOREVER: Terms = Terms { deadline: None, outside: true };

/// For so long; for ever if the clock cannot tell the end of it.
pub(super) fn within(time: Duration) -> Terms {
    now().checked_add(time).map_or(FOREVER, until)
}

pub(super) fn until(deadline: Instant) -> Terms {
    Terms { deadline: Some(deadline), outside: true }
}
