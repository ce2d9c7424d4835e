//! Where an actor without a stack lies: its state, and what begins it when there is a message.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tasklets_runtime::park::Inbox;
use tasklets_runtime::{Activity, Spawner, current, schedule};

use super::addr::Port;
use super::context::Context;
use super::core::{Core, Order, Phase, Policy};
use super::handler::{Actor, Carries, Handler, Mail};
use super::node::{Entered, Host, Node, Patience, Unput, conclude, guarded, tell, tell_first, wake_some};
use super::options::Settings;
use super::reason::Reason;
use super::waiter::{Site, Waiter};

/// Messages that are handled before others of the thread have their turn.
const BATCH: usize = 256;

/// Room for more messages than that is given back when there is nothing to do.
const ROOMY: usize = 256;

/// Where it is run.
pub(super) enum Home {
    Runtime(Spawner),
    Thread(Inbox),
}

/// Makes a state whenever the actor is begun.
pub(super) type Maker<A> = Arc<dyn Fn() -> A + Send + Sync>;

/// What is the running actor's alone.
pub(super) struct Seat<A: Actor> {
    actor: Option<A>,
    /// Taken out of the queue, and not handled.
    batch: VecDeque<A::Mail>,
    fresh: bool,
}

/// What comes after all that was taken out.
enum Next<A: Actor> {
    Messages(Box<Seat<A>>),
    /// The state lies in its cell again.
    Nothing,
    End(Box<Seat<A>>, Reason),
}

pub(super) struct Cell<A: Actor> {
    pub(super) core: Core<A::Mail, Box<Seat<A>>>,
    pub(super) me: Weak<Cell<A>>,
    home: Home,
    /// None once it never begins again.
    maker: Mutex<Option<Maker<A>>>,
    at: Site,
}

impl<A: Actor> Cell<A> {
    pub(super) fn make(
        settings: Settings,
        home: Home,
        policy: Option<Policy<A::Mail>>,
        phase: Phase,
        actor: Option<A>,
        maker: Option<Maker<A>>,
        at: Site,
    ) -> Arc<Cell<A>> {
        let seat = Box::new(Seat { actor, batch: VecDeque::new(), fresh: true });
        let core = Core::new(settings, policy, phase, Some(seat));
        Arc::new_cyclic(|me| Cell { core, me: me.clone(), home, maker: Mutex::new(maker), at })
    }

    /// Makes a tasklet that handles what there is.
    #[inline]
    fn turn(&self) -> bool {
        let Some(me) = self.me.upgrade() else { return false };
        match &self.home {
            Home::Runtime(spawner) => spawner.begin(&me),
            Home::Thread(inbox) => inbox.begin(&me),
        }
    }

    /// Takes what there is to do; none if there is nothing, and then the state lies here again.
    #[inline]
    fn fetch(&self, mut seat: Box<Seat<A>>) -> Next<A> {
        let mut desk = self.core.desk.lock();
        let over = desk.queue.is_empty() && desk.order != Order::Go && !desk.has_first();
        if desk.order.is_abrupt() || over {
            let reason = desk.order.reason().cloned().unwrap_or(Reason::Stopped);
            return Next::End(seat, reason);
        }
        if desk.queue.is_empty() && !desk.has_first() {
            if seat.batch.capacity() > ROOMY {
                seat.batch = VecDeque::new();
            }
            desk.phase = Phase::Idle;
            desk.who = None;
            desk.body = Some(seat);
            return Next::Nothing;
        }
        std::mem::swap(&mut seat.batch, &mut desk.queue);
        if desk.has_first() {
            let mut first = desk.rare.as_mut().map(|rare| std::mem::take(&mut rare.first)).unwrap_or_default();
            first.append(&mut seat.batch);
            seat.batch = first;
            self.core.attention.store(desk.order.is_abrupt(), Ordering::Release);
        }
        let senders = desk.take_senders();
        drop(desk);
        wake_some(senders);
        Next::Messages(seat)
    }

    /// Handles all that was taken out, unless something is to be looked at before.
    #[inline]
    fn handle(&self, seat: &mut Seat<A>, handled: &mut usize) {
        let Seat { actor: Some(actor), batch, fresh } = seat else { return };
        let mut cx = Context::new(self);
        if std::mem::take(fresh) {
            actor.started(&mut cx);
        }
        while !self.core.attention.load(Ordering::Acquire) {
            let Some(mail) = batch.pop_front() else { return };
            mail.open(actor, &mut cx);
            *handled += 1;
            if *handled == BATCH {
                *handled = 0;
                // What is refused is not needed.
                let _ = schedule();
            }
        }
    }

    /// Something is to be looked at between two messages. Whether the actor goes on.
    #[cold]
    fn attend(&self, seat: &mut Seat<A>) -> bool {
        let mut desk = self.core.desk.lock();
        if desk.order.is_abrupt() {
            return false;
        }
        while let Some(rare) = desk.rare.as_mut()
            && let Some(mail) = rare.first.pop_back()
        {
            seat.batch.push_front(mail);
        }
        self.core.attention.store(false, Ordering::Release);
        true
    }

    fn work(&self, seat: &mut Seat<A>, handled: &mut usize) -> Result<(), Reason> {
        let run = catch_unwind(AssertUnwindSafe(|| {
            if self.core.attention.load(Ordering::Acquire) && !self.attend(seat) {
                return;
            }
            if seat.actor.is_none() {
                let maker = self.maker.lock().clone();
                seat.actor = maker.map(|make| make());
            }
            loop {
                self.handle(seat, handled);
                if !self.core.attention.load(Ordering::Acquire) || !self.attend(seat) {
                    return;
                }
            }
        }));
        run.map_err(|payload| {
            let reason = Reason::of(&*payload);
            guarded(move || drop(payload));
            reason
        })
    }

    /// It has ended: what is left of it is given up.
    #[cold]
    fn end(&self, mut seat: Box<Seat<A>>, reason: Reason) {
        let reason = match (reason, self.core.desk.lock().order.clone()) {
            (Reason::Killed, Order::Kill(reason)) => reason,
            (reason, _) => reason,
        };
        if reason != Reason::Killed {
            guarded(|| {
                if let Some(actor) = &mut seat.actor {
                    actor.stopped(&reason);
                }
            });
        }
        let left = std::mem::take(&mut seat.batch);
        guarded(move || drop(seat));
        conclude(self, reason, left);
    }
}

impl<A: Actor> Activity for Cell<A> {
    fn run(&self) {
        let me = current();
        let seat = {
            let mut desk = self.core.desk.lock();
            desk.who = Some(me.remote());
            desk.body.take()
        };
        let Some(mut seat) = seat else { return };
        let weak: Weak<dyn Node> = self.me.clone();
        let entered = Entered::new(me.id(), weak);
        let mut handled = 0;
        let end = loop {
            if let Err(reason) = self.work(&mut seat, &mut handled) {
                break Some((seat, reason));
            }
            match self.fetch(seat) {
                Next::Messages(more) => seat = more,
                Next::Nothing => break None,
                Next::End(seat, reason) => break Some((seat, reason)),
            }
        };
        drop(entered);
        if let Some((seat, reason)) = end {
            self.end(seat, reason);
        }
    }

    fn is_dropped(&self) {
        let seat = self.core.desk.lock().body.take();
        match seat {
            Some(seat) => self.end(seat, Reason::Abandoned),
            // It was being run, on a stack that was given up.
            None => conclude(self, Reason::Abandoned, VecDeque::new()),
        }
    }

    fn spawned_at(&self) -> Site {
        self.at
    }
}

impl<A: Actor> Host for Cell<A> {
    type Item = A::Mail;
    type Body = Box<Seat<A>>;

    #[inline]
    fn core(&self) -> &Core<A::Mail, Box<Seat<A>>> {
        &self.core
    }

    #[inline]
    fn rouse(&self, _waiter: Option<Waiter>) {
        if !self.turn() {
            Activity::is_dropped(self);
        }
    }

    fn start(&self) -> bool {
        {
            let mut desk = self.core.desk.lock();
            if desk.body.is_none() {
                desk.body = Some(Box::new(Seat { actor: None, batch: VecDeque::new(), fresh: true }));
            }
        }
        self.rouse(None);
        true
    }

    fn retire(&self) {
        let maker = self.maker.lock().take();
        guarded(move || drop(maker));
    }
}

impl<M: Send + 'static, A: Handler<M>> Port<M> for Cell<A>
where
    A::Mail: Carries<A, M>,
{
    #[inline]
    fn put(&self, message: M, patience: Patience, at: Site) -> Result<(), (M, Unput)> {
        tell(self, A::Mail::wrap(message), patience, at).map_err(|(mail, unput)| (mail.unwrap(), unput))
    }

    fn put_first(&self, message: M) {
        tell_first(self, A::Mail::wrap(message));
    }
}
