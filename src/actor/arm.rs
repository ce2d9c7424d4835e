//! Mailboxes as arms of a select.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::rc::Rc;

use tasklets_channels::select::parts::{Arm, Attempt, Kind, Operate, Stand};
use tasklets_channels::select::{Receives, SharedRecv};
use tasklets_channels::{Reason, Receiver, Sender, bounded};
use tasklets_runtime::Scheduler;

use super::error::MailboxError;
use super::mailbox::Mailbox;
use super::waiter::{Site, Waiter};

/// What a select waits on for a mailbox: whoever brings a message puts a token into it.
pub(super) struct Bell(OnceCell<(Sender<()>, Receiver<()>)>);

impl Bell {
    pub(super) fn new() -> Bell {
        Bell(OnceCell::new())
    }

    fn ends(&self) -> &(Sender<()>, Receiver<()>) {
        self.0.get_or_init(|| bounded(1))
    }
}

/// A receive from a [`Mailbox`], as an arm of [`select!`](crate::select!).
pub struct MailboxArm<'a, M: Send + 'static> {
    mailbox: &'a Mailbox<M>,
    bell: SharedRecv<'a, ()>,
    output: Cell<Option<Result<M, MailboxError>>>,
}

impl<M: Send + 'static> Receives for Mailbox<M> {
    type Arm<'a> = MailboxArm<'a, M>;

    fn recv_arm(&self) -> MailboxArm<'_, M> {
        MailboxArm { mailbox: self, bell: self.bell.ends().1.recv_arm(), output: Cell::new(None) }
    }
}

impl<M: Send + 'static> MailboxArm<'_, M> {
    fn poll(&self) -> bool {
        let output = self.mailbox.poll();
        let found = output.is_some();
        if found {
            self.output.set(output);
        }
        found
    }
}

impl<M: Send + 'static> Operate for MailboxArm<'_, M> {
    fn attempt(&self, _at: Site) -> Attempt {
        // It may have been rung for what was received since.
        let _ = self.mailbox.bell.ends().1.try_recv();
        if self.poll() { Attempt::Done } else { Attempt::NotReady }
    }

    fn enlist(&self, stand: &Rc<Stand>, number: u32, scheduler: &Scheduler) -> bool {
        let bell = &self.mailbox.bell.ends().0;
        self.mailbox.await_message(|| Waiter::Bell(bell.clone())) && self.bell.enlist(stand, number, scheduler)
    }

    fn leave(&self, stand: &Stand) {
        self.mailbox.await_nothing();
        self.bell.leave(stand);
    }

    fn collect(&self, stand: Option<&Stand>, at: Site) -> bool {
        self.mailbox.await_nothing();
        self.bell.collect(stand, at);
        self.bell.take();
        self.poll()
    }

    fn abandon(&self) {
        self.mailbox.await_nothing();
        self.bell.abandon();
    }

    fn fail(&self, reason: Reason, at: Site) -> Option<Reason> {
        let _ = at;
        Some(reason)
    }
}

impl<M: Send + 'static> Arm for MailboxArm<'_, M> {
    type Output = Result<M, MailboxError>;

    const KIND: Kind = Kind::Shared;

    fn take(&self) -> Option<Self::Output> {
        self.output.take()
    }
}

impl<M: Send + 'static> fmt::Debug for MailboxArm<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailboxArm({})", self.mailbox.badge())
    }
}
