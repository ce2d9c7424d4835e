//! What a channel consists of, and how its last handles leave it.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicUsize};

use crate::shared::lock::{Lock, Locked};
use tasklets_runtime::Scheduler;
use tasklets_runtime::park::{Inbox, TaskletId, Wait};

use super::error::{Operation, SharedPlace, Site};
use super::waiting::{Fate, Seat};
use crate::shared::threads::Threads;
use crate::shared::waiters::{Owner, Waiters};

/// How a channel is called in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Rendezvous,
    Bounded,
    Unbounded,
}

/// What names a channel in messages.
#[derive(Clone)]
pub(crate) struct Label {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) name: Option<Arc<str>>,
}

/// A channel, as its handles share it.
pub(crate) struct Core<T> {
    pub(super) state: Lock<State<T>>,
    /// What receivers have set aside.
    pub(super) outlet: Lock<VecDeque<T>>,
    /// How many values are left there, said by who takes one; read by senders under the lock of the state.
    pub(super) left: AtomicUsize,
    /// Whether they do that.
    pub(super) contended: AtomicBool,
    /// Whether there may be something to receive: written under the lock, and true whenever there is, so that who finds it false need not lock.
    stirred: AtomicBool,
    /// That of the state.
    pub(crate) capacity: usize,
    pub(crate) label: Label,
}

/// What is under the lock.
///
/// Senders wait only while the buffer is full; receivers only while it is empty and no sender waits, other than one that waits in
/// the same select.
pub(crate) struct State<T> {
    pub(crate) buffer: VecDeque<T>,
    /// How many values receivers have set aside, at most.
    pub(super) stashed: usize,
    /// Senders wait while the channel has so many values. It may have more: those that killed receivers have given back.
    pub(crate) capacity: usize,
    /// Live handles of each side.
    pub(crate) senders: usize,
    pub(crate) receivers: usize,
    pub(crate) sending: Waiters<Parcel<T>>,
    pub(crate) receiving: Waiters<Parcel<T>>,
    pub(crate) threads: Threads,
    seats: Seats,
}

/// By thread: the number under which its seat is kept there, or `NO_SEAT`.
struct Seats {
    /// That of the first thread, in place: most channels know no other.
    first: u32,
    others: Vec<u32>,
}

/// What lies in a waiter's node.
pub(crate) struct Parcel<T> {
    /// A sender's, until it is taken; a receiver's, once it was put there.
    pub(crate) value: Option<T>,
    /// Its slot in the seat of its thread; or `NO_SLOT`, and then it looks into its node.
    pub(crate) slot: u32,
}

/// The slot of who waits on several things.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// In place of that number: nobody has waited there.
const NO_SEAT: u32 = u32::MAX;

impl<T> Core<T> {
    pub(super) fn new(kind: Kind, capacity: usize, name: Option<Arc<str>>) -> Core<T> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let kind = if kind == Kind::Bounded && capacity == 0 { Kind::Rendezvous } else { kind };
        let state = State {
            buffer: VecDeque::new(),
            stashed: 0,
            capacity,
            senders: 1,
            receivers: 1,
            sending: Waiters::new(),
            receiving: Waiters::new(),
            threads: Threads::new(),
            seats: Seats { first: NO_SEAT, others: Vec::new() },
        };
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed) + 1;
        Core {
            state: Lock::new(state),
            outlet: Lock::new(VecDeque::new()),
            left: AtomicUsize::new(0),
            contended: AtomicBool::new(false),
            stirred: AtomicBool::new(false),
            capacity,
            label: Label { kind, number, name },
        }
    }

    /// Locks the state, without what receivers may have set aside: see [`lock`](Core::lock).
    #[inline]
    pub(crate) fn lock_state(&self) -> Locked<'_, State<T>> {
        self.state.lock()
    }

    /// Notes, under the lock, that something was sent, or is to be, or that there are no senders any more.
    #[inline(always)]
    pub(crate) fn stir(&self) {
        self.stirred.store(true, Ordering::Release);
    }

    /// Notes, under the lock and with nothing set aside, whether a receiver need not wait.
    #[inline(always)]
    pub(super) fn settle(&self, state: &State<T>) {
        let ready = !state.buffer.is_empty() || state.sending.len() != 0 || state.senders == 0;
        self.stirred.store(ready, Ordering::Release);
    }

    /// Whether a receiver has reason to lock.
    #[inline(always)]
    pub(crate) fn is_stirred(&self) -> bool {
        self.stirred.load(Ordering::Acquire)
    }

    /// How many values are buffered.
    pub(super) fn len(&self) -> usize {
        self.lock().buffer.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        (self.label.kind != Kind::Unbounded).then_some(self.capacity)
    }

    /// `Debug` of a handle.
    pub(super) fn show(&self, handle: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, senders, receivers) = {
            let state = self.lock();
            (state.buffer.len(), state.senders, state.receivers)
        };
        let mut out = f.debug_struct(handle);
        out.field("id", &self.label.number).field("kind", &self.label.kind);
        if let Some(name) = &self.label.name {
            out.field("name", name);
        }
        out.field("len", &len).field("senders", &senders).field("receivers", &receivers).finish()
    }

    /// What an error says of an operation on this channel. Nothing is formatted before somebody reads it.
    pub(super) fn place(&self, operation: Operation, state: &State<T>, at: Site) -> SharedPlace {
        SharedPlace { operation, label: self.label.clone(), senders: state.senders, receivers: state.receivers, at }
    }

    /// The last sender is gone: wakes the receivers, who find out for themselves.
    #[cold]
    pub(super) fn wake_receivers(&self) {
        let panic = self.wake_all(|state| {
            let ticket = state.receiving.claim_first()?;
            Some((ticket, &state.receiving, &state.threads))
        });
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// The last receiver is gone: wakes the senders, who find their values where they left them, and drops what is buffered.
    #[cold]
    pub(super) fn wake_senders(&self) {
        let panic = self.wake_all(|state| {
            let ticket = state.sending.claim_first()?;
            Some((ticket, &state.sending, &state.threads))
        });
        let buffer = std::mem::take(&mut self.lock().buffer);
        drop(buffer);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Wakes all of a queue, also where a future's waker panics: with what the first of those did.
    fn wake_all(
        &self,
        first: impl Fn(&mut State<T>) -> Option<(u32, &Waiters<Parcel<T>>, &Threads)>,
    ) -> Option<Box<dyn Any + Send>> {
        let mut panic = None;
        let scheduler = Scheduler::local();
        let next = || {
            let mut state = self.lock_state();
            let (ticket, waiters, threads) = first(&mut state)?;
            Some(waiters.wakeup(ticket, threads, &scheduler))
        };
        while let Some(wakeup) = next() {
            let woken = catch_unwind(AssertUnwindSafe(|| wakeup.wake(&scheduler)));
            panic = panic.or(woken.err());
        }
        panic
    }
}

impl<T: 'static> Core<T> {
    /// What a tasklet of the running thread, which has this number, waits on.
    #[inline]
    pub(crate) fn seat(self: &Arc<Self>, state: &mut State<T>, thread: u32, scheduler: &Scheduler) -> Rc<dyn Wait> {
        match scheduler.kept(state.seats.get(thread)) {
            Some(seat) => seat,
            None => self.new_seat(state, thread, scheduler),
        }
    }

    /// The number under which that is kept.
    #[inline]
    pub(crate) fn seat_number(self: &Arc<Self>, state: &mut State<T>, thread: u32, scheduler: &Scheduler) -> u32 {
        if state.seats.get(thread) == NO_SEAT {
            self.new_seat(state, thread, scheduler);
        }
        state.seats.get(thread)
    }

    #[cold]
    fn new_seat(self: &Arc<Self>, state: &mut State<T>, thread: u32, scheduler: &Scheduler) -> Rc<dyn Wait> {
        let seat: Rc<dyn Wait> = Rc::new(Seat::new(Arc::downgrade(self)));
        state.seats.set(thread, scheduler.keep(seat.clone()));
        seat
    }
}

impl<T> State<T> {
    /// The waiters of a side.
    #[inline]
    pub(crate) fn waiters(&mut self, operation: Operation) -> &mut Waiters<Parcel<T>> {
        match operation {
            Operation::Send => &mut self.sending,
            Operation::Recv => &mut self.receiving,
        }
    }

    /// The number of the running thread.
    #[inline]
    pub(crate) fn thread(&mut self, scheduler: &Scheduler) -> u32 {
        self.thread_of(scheduler.inbox())
    }

    /// The number of the thread with this inbox.
    #[inline]
    pub(crate) fn thread_of(&mut self, inbox: &Inbox) -> u32 {
        let State { threads, sending, receiving, seats, .. } = self;
        let in_use = |thread| sending.knows(thread) || receiving.knows(thread);
        let (thread, inherited) = threads.number(inbox, in_use);
        if inherited {
            // What the one before kept has gone with it.
            seats.set(thread, NO_SEAT);
        }
        thread
    }

    /// Takes the value of a sender who was claimed.
    #[inline]
    pub(super) fn sent_by(&mut self, ticket: u32) -> T {
        self.sending.get_mut(ticket).value.take().expect("a sender's value is in its node while it waits")
    }

    /// Gives up a ticket in place of its owner, whose thread has ended. None if the owner has done so itself; its thread's number may be
    /// another one's since.
    #[cold]
    pub(super) fn bury(&mut self, operation: Operation, ticket: u32, owner: Owner) -> Option<Parcel<T>> {
        if !self.threads.inbox(owner.thread()).has_ended() {
            return None;
        }
        self.waiters(operation).bury(ticket, owner)
    }

    /// The first waiter of a side with its parcel, taken out with its node, if it is of the running thread and waits for nothing else.
    #[inline(always)]
    pub(super) fn first_here(&mut self, operation: Operation, scheduler: &Scheduler) -> Option<(Here, Option<T>)> {
        let waiters = match operation {
            Operation::Send => &mut self.sending,
            Operation::Recv => &mut self.receiving,
        };
        let threads = &self.threads;
        let here = |thread, parcel: &Parcel<T>| parcel.slot != NO_SLOT && threads.is_here(thread, scheduler);
        let (owner, Parcel { value, slot }) = waiters.take_first_if(here)?;
        Some((Here { seat: self.seats.get(owner.thread()), slot, id: owner.id() }, value))
    }

    /// If a waiter who was claimed is of the running thread: takes its node away.
    #[inline(always)]
    pub(super) fn take_here(&mut self, operation: Operation, ticket: u32, scheduler: &Scheduler) -> Option<Here> {
        let waiters = self.waiters(operation);
        let (owner, slot) = (waiters.owner(ticket), waiters.get_mut(ticket).slot);
        if slot == NO_SLOT || !self.threads.is_here(owner.thread(), scheduler) {
            return None;
        }
        self.waiters(operation).free(ticket);
        Some(Here { seat: self.seats.get(owner.thread()), slot, id: owner.id() })
    }
}

impl Seats {
    #[inline]
    fn get(&self, thread: u32) -> u32 {
        match thread {
            0 => self.first,
            thread => self.others.get(thread as usize - 1).copied().unwrap_or(NO_SEAT),
        }
    }

    fn set(&mut self, thread: u32, seat: u32) {
        if thread == 0 {
            self.first = seat;
            return;
        }
        let place = thread as usize - 1;
        if self.others.len() <= place {
            self.others.resize(place + 1, NO_SEAT);
        }
        self.others[place] = seat;
    }
}

/// A waiter of the running thread whose node was taken away.
pub(super) struct Here {
    seat: u32,
    slot: u32,
    id: TaskletId,
}

impl Here {
    /// Tells it what has become of its wait, and wakes it.
    #[inline(always)]
    pub(super) fn settle<T: 'static>(self, fate: Fate<T>, scheduler: &Scheduler) {
        if let Some(seat) = scheduler.kept(self.seat) {
            Seat::of(&*seat).settle(self.slot, fate);
        }
        scheduler.wake(self.id);
    }
}

impl<T> Drop for Core<T> {
    /// Lets go of what other threads keep for it.
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let seats = (0..=state.seats.others.len() as u32).map(|thread| (thread, state.seats.get(thread)));
        for (thread, seat) in seats.filter(|(_, seat)| *seat != NO_SEAT) {
            let scheduler = Scheduler::local();
            if state.threads.is_here(thread, &scheduler) {
                scheduler.discard_kept(seat);
            } else {
                state.threads.inbox(thread).discard_kept(seat);
            }
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Rendezvous => "rendezvous",
            Kind::Bounded => "bounded",
            Kind::Unbounded => "unbounded",
        };
        match &self.name {
            Some(name) => write!(f, "{kind} channel {} \"{name}\"", self.number),
            None => write!(f, "{kind} channel {}", self.number),
        }
    }
}

#[cfg(test)]
mod tests;
