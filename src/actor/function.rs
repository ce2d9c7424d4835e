//! Actors that are functions: a tasklet with a mailbox.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tasklets_runtime::{Builder, Spawner, current};

use super::addr::{Addr, Port};
use super::builder::ActorBuilder;
use super::core::{Core, Order, Phase, Policy};
use super::mailbox::Mailbox;
use super::node::{Entered, Host, Node, Patience, Unput, conclude, guarded, tell, tell_first};
use super::options::Settings;
use super::reason::Reason;
use super::waiter::{Site, Waiter};

/// What is run again and again.
pub(super) type Body<M> = Arc<dyn Fn(&Mailbox<M>) + Send + Sync>;

/// Where and how it is begun, if a supervisor does that.
pub(super) struct Starter<M: Send + 'static> {
    pub(super) spawner: Option<Spawner>,
    pub(super) body: Body<M>,
}

impl<M: Send + 'static> Clone for Starter<M> {
    fn clone(&self) -> Starter<M> {
        Starter { spawner: self.spawner.clone(), body: self.body.clone() }
    }
}

/// An actor that is a function.
pub(super) struct Function<M: Send + 'static> {
    pub(super) core: Core<M, ()>,
    me: Weak<Function<M>>,
    /// None once it never begins again.
    starter: Mutex<Option<Starter<M>>>,
    stack_size: Option<usize>,
}

impl<M: Send + 'static> Function<M> {
    pub(super) fn make(
        settings: Settings,
        stack_size: Option<usize>,
        policy: Option<Policy<M>>,
        phase: Phase,
        starter: Option<Starter<M>>,
    ) -> Arc<Function<M>> {
        Arc::new_cyclic(|me| Function {
            core: Core::new(settings, policy, phase, None),
            me: me.clone(),
            starter: Mutex::new(starter),
            stack_size,
        })
    }

    fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        if let Some(name) = self.core.badge.name() {
            builder = builder.name(name.to_owned());
        }
        if let Some(size) = self.stack_size {
            builder = builder.stack_size(size);
        }
        builder
    }

    /// Runs it as a tasklet of the calling thread.
    #[track_caller]
    pub(super) fn spawn_here(self: &Arc<Self>, body: impl FnOnce(&Mailbox<M>) + 'static) {
        let run = Run(Some(self.clone()));
        self.builder().spawn(move || run.run(body)).detach();
    }

    /// Runs it as a tasklet of a runtime. If that takes nothing in any more, the run is dropped, and the actor ends.
    #[track_caller]
    pub(super) fn spawn_there(self: &Arc<Self>, spawner: &Spawner, body: impl FnOnce(&Mailbox<M>) + Send + 'static) {
        let run = Run(Some(self.clone()));
        drop(self.builder().spawn_by(spawner, move || run.run(body)));
    }
}

/// One run, which is concluded whatever becomes of its tasklet.
struct Run<M: Send + 'static>(Option<Arc<Function<M>>>);

impl<M: Send + 'static> Run<M> {
    fn run(mut self, body: impl FnOnce(&Mailbox<M>)) {
        let Some(cell) = self.0.take() else { return };
        let killed = {
            let mut desk = cell.core.desk.lock();
            let me = current().remote();
            desk.who = Some(me);
            desk.order.is_abrupt()
        };
        let mailbox = Mailbox::new(cell.clone());
        let result = if killed {
            drop_safely(body);
            Ok(())
        } else {
            let weak: Weak<dyn Node> = cell.me.clone();
            let entered = Entered::new(current().id(), weak);
            let result = catch_unwind(AssertUnwindSafe(|| body(&mailbox)));
            drop(entered);
            result
        };
        let told = mailbox.was_told() || killed;
        let order = cell.core.desk.lock().order.clone();
        let reason = match (&result, order) {
            (Err(payload), Order::Kill(reason)) if Reason::of(&**payload) == Reason::Killed => reason,
            (Err(payload), _) => Reason::of(&**payload),
            (Ok(()), order) if told => order.reason().cloned().unwrap_or(Reason::Normal),
            (Ok(()), _) => Reason::Normal,
        };
        conclude(&*cell, reason, mailbox.into_left());
        guarded(move || drop(result));
    }
}

fn drop_safely<T>(what: T) {
    guarded(move || drop(what));
}

impl<M: Send + 'static> Drop for Run<M> {
    /// It has not been run: it was killed before, or its thread takes nothing in.
    fn drop(&mut self) {
        if let Some(cell) = self.0.take() {
            conclude(&*cell, Reason::Abandoned, Default::default());
        }
    }
}

impl<M: Send + 'static> Host for Function<M> {
    type Item = M;
    type Body = ();

    fn core(&self) -> &Core<M, ()> {
        &self.core
    }

    #[inline]
    fn rouse(&self, waiter: Option<Waiter>) {
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    fn start(&self) -> bool {
        let Some(me) = self.me.upgrade() else { return false };
        let Some(Starter { spawner, body }) = self.starter.lock().clone() else { return false };
        match spawner {
            Some(spawner) => me.spawn_there(&spawner, move |mailbox| body(mailbox)),
            None => me.spawn_here(move |mailbox| body(mailbox)),
        }
        true
    }

    fn retire(&self) {
        let starter = self.starter.lock().take();
        guarded(move || drop(starter));
    }
}

impl<M: Send + 'static> Port<M> for Function<M> {
    #[inline]
    fn put(&self, message: M, patience: Patience, at: Site) -> Result<(), (M, Unput)> {
        tell(self, message, patience, at)
    }

    fn put_first(&self, message: M) {
        tell_first(self, message);
    }
}

/// Makes a tasklet of this thread that runs `body`, as an actor with a mailbox; see [`actor`](super). The settings are those of
/// [`ActorBuilder::new`].
///
/// # Examples
///
/// ```
/// use tasklets::actor::{self, Mailbox};
///
/// let printer = actor::spawn(|mailbox: &Mailbox<&'static str>| {
///     for name in mailbox {
///         println!("hello {name}");
///     }
/// });
/// printer.tell("ada")?;
/// printer.tell("grace")?;
/// printer.stop();
/// assert_eq!(printer.join(), actor::Reason::Stopped);
/// # Ok::<(), actor::TellError<&'static str>>(())
/// ```
#[track_caller]
pub fn spawn<M: Send + 'static>(body: impl FnOnce(&Mailbox<M>) + 'static) -> Addr<M> {
    ActorBuilder::new().spawn(body)
}
