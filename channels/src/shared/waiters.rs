//! A queue of waiters from any threads, to be kept under a lock.
//!
//! Who serves a waiter takes it out of the queue, puts what it gets into its node, releases the lock, and wakes it. The
//! waiter looks at its node when it runs again: still queued means that it was woken for nothing, or that its time is up.

use tasklets_runtime::Scheduler;
use tasklets_runtime::park::TaskletId;

use super::claim::Claim;
use super::threads::{Threads, Wakeup};
use crate::list::List;

pub(crate) struct Waiter<V> {
    thread: u32,
    id: TaskletId,
    /// None if it stands in this queue alone.
    claim: Option<Claim>,
    /// What is handed over.
    pub(crate) content: V,
}

/// A tasklet of some thread.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    thread: u32,
    id: TaskletId,
}

pub(crate) struct Waiters<V> {
    list: List<Waiter<V>>,
}

impl Owner {
    /// The number of its thread.
    #[inline]
    pub(crate) fn thread(self) -> u32 {
        self.thread
    }

    #[inline]
    pub(crate) fn id(self) -> TaskletId {
        self.id
    }
}

impl<V> Waiters<V> {
    pub(crate) const fn new() -> Waiters<V> {
        Waiters { list: List::new() }
    }

    /// How many are queued; some of them may have been claimed elsewhere.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Queues the running thread's tasklet `id`; its ticket.
    #[inline(always)]
    pub(crate) fn push(&mut self, thread: u32, id: TaskletId, claim: Option<Claim>, content: V) -> u32 {
        self.list.push(Waiter { thread, id, claim, content })
    }

    /// [`push`](Waiters::push) for who stands in other queues, too.
    #[inline(always)]
    pub(crate) fn push_claim(&mut self, thread: u32, id: TaskletId, claim: Claim, content: V) -> u32 {
        // Not at once: what has something to drop is put together elsewhere, and copied.
        let ticket = self.push(thread, id, None, content);
        self.list.get_mut(ticket).claim = Some(claim);
        ticket
    }

    /// Takes out the first one that can be served, claims it, and leaves its node to it. The ticket.
    #[inline]
    pub(crate) fn claim_first(&mut self) -> Option<u32> {
        loop {
            let first = self.list.first()?;
            self.list.unlink(first);
            if self.list.get(first).claim.as_ref().is_none_or(Claim::take) {
                return Some(first);
            }
        }
    }

    /// Takes out the first one with its node, if it waits for nothing else, and as `wanted` by the number of its thread and its content.
    #[inline(always)]
    pub(crate) fn take_first_if(&mut self, wanted: impl FnOnce(u32, &V) -> bool) -> Option<(Owner, V)> {
        let wanted = |waiter: &Waiter<V>| waiter.claim.is_none() && wanted(waiter.thread, &waiter.content);
        let Waiter { thread, id, content, .. } = self.list.take_first_if(wanted)?;
        Some((Owner { thread, id }, content))
    }

    /// Whether there is one that could be served, other than the tasklet `id` of the thread with this number itself.
    pub(crate) fn has_other(&self, thread: u32, id: TaskletId) -> bool {
        let serves = |waiter: &Waiter<V>| waiter.claim.as_ref().is_none_or(Claim::is_open);
        self.list.iter().any(|waiter| (waiter.thread, waiter.id) != (thread, id) && serves(waiter))
    }

    /// Whether a node names the thread with this number.
    #[cold]
    pub(crate) fn knows(&self, thread: u32) -> bool {
        self.list.nodes().any(|waiter| waiter.thread == thread)
    }

    /// How to wake the one with this ticket.
    #[inline]
    pub(crate) fn wakeup(&self, ticket: u32, threads: &Threads, scheduler: &Scheduler) -> Wakeup {
        let waiter = self.list.get(ticket);
        threads.wakeup(waiter.thread, waiter.id, scheduler)
    }

    /// Takes a waiter out of the queue; its node stays. False if somebody has served it.
    #[inline]
    pub(crate) fn unlink(&mut self, ticket: u32) -> bool {
        self.list.unlink(ticket)
    }

    /// Whether nobody has served it, and it has not been taken out of the queue.
    #[inline]
    pub(crate) fn is_queued(&self, ticket: u32) -> bool {
        self.list.is_member(ticket)
    }

    /// Whose a ticket is.
    #[inline]
    pub(crate) fn owner(&self, ticket: u32) -> Owner {
        let waiter = self.list.get(ticket);
        Owner { thread: waiter.thread, id: waiter.id }
    }

    /// Gives up a ticket in place of its owner, whose thread has ended: the content. None if the owner has done so itself.
    #[cold]
    pub(crate) fn bury(&mut self, ticket: u32, owner: Owner) -> Option<V> {
        let waiter = self.list.find(ticket)?;
        ((waiter.thread, waiter.id) == (owner.thread, owner.id)).then(|| self.take(ticket))
    }

    /// Gives up a ticket: the content, to be dropped once the lock is released.
    #[inline]
    pub(crate) fn take(&mut self, ticket: u32) -> V {
        self.list.take(ticket).content
    }

    /// The same, with the claim of who stands in other queues, too.
    #[inline]
    pub(crate) fn withdraw(&mut self, ticket: u32) -> (V, Option<Claim>) {
        let waiter = self.list.take(ticket);
        (waiter.content, waiter.claim)
    }

    /// Gives up the ticket of a waiter who was claimed, with nothing of the user's left in its node.
    #[inline]
    pub(crate) fn free(&mut self, ticket: u32) {
        self.list.free(ticket);
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, ticket: u32) -> &mut V {
        &mut self.list.get_mut(ticket).content
    }

    /// Those of the thread with this number before and after a waiter.
    pub(crate) fn neighbours(&self, ticket: u32, thread: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (before, after) = self.list.neighbours(ticket);
        let here =
            |ticket| Some(self.list.get(ticket)).filter(|waiter| waiter.thread == thread).map(|waiter| waiter.id);
        (before.and_then(here), after.and_then(here))
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    use super::super::claim::Ballot;
    use super::*;

    type Shared = Arc<Mutex<Waiters<Option<u32>>>>;

    /// Two queues, and one waiter that stands in both; its ballot and its tickets.
    fn in_two_queues() -> ([Shared; 2], Ballot, [u32; 2]) {
        let queues = [(); 2].map(|()| Arc::new(Mutex::new(Waiters::new())));
        let ballot = Ballot::new();
        let tickets = [0, 1].map(|arm| {
            let claim = Some(ballot.clone().arm(arm as u32));
            queues[arm].lock().unwrap().push(0, TaskletId::default(), claim, None)
        });
        (queues, ballot, tickets)
    }

    /// Serves a waiter, if one is there; whether it did.
    fn serve(queue: &Shared, value: u32) -> bool {
        let mut queue = queue.lock().unwrap();
        let Some(ticket) = queue.claim_first() else { return false };
        *queue.get_mut(ticket) = Some(value);
        true
    }

    #[test]
    fn of_two_who_serve_a_select_exactly_one_does() {
        loom::model(|| {
            let (queues, ballot, tickets) = in_two_queues();
            let theirs = queues[1].clone();
            let other = thread::spawn(move || serve(&theirs, 1));
            let served = [serve(&queues[0], 0), other.join().unwrap()];
            assert_eq!(served.iter().filter(|served| **served).count(), 1);
            let arm = ballot.claimed().unwrap() as usize;
            assert!(served[arm]);
            for (n, queue) in queues.iter().enumerate() {
                let value = queue.lock().unwrap().take(tickets[n]);
                assert_eq!(value, (n == arm).then_some(n as u32));
            }
        });
    }

    #[test]
    fn a_select_that_withdraws_was_served_or_never_will_be() {
        loom::model(|| {
            let (queues, ballot, tickets) = in_two_queues();
            let theirs = queues[0].clone();
            let other = thread::spawn(move || serve(&theirs, 7));
            let arm = ballot.withdraw();
            let values = [0, 1].map(|n| queues[n].lock().unwrap().take(tickets[n]));
            let served = other.join().unwrap();
            assert_eq!(served, arm.is_some());
            assert_eq!(values, [arm.map(|_| 7), None]);
        });
    }

    #[test]
    fn a_waiter_that_gives_up_is_served_or_out_of_the_queue() {
        loom::model(|| {
            let queue: Shared = Arc::new(Mutex::new(Waiters::new()));
            let ticket = queue.lock().unwrap().push(0, TaskletId::default(), None, None);
            let theirs = queue.clone();
            let other = thread::spawn(move || serve(&theirs, 7));
            let waited = queue.lock().unwrap().unlink(ticket);
            let served = other.join().unwrap();
            assert_ne!(waited, served);
            assert_eq!(queue.lock().unwrap().take(ticket), served.then_some(7));
        });
    }
}
