//! Messages that come later, or again and again.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tasklets_runtime::{Builder, RemoteTasklet, sleep};

use super::addr::{Addr, Port};
use super::core::Phase;
use super::reason::Badge;
use super::waiter::{FOREVER, Site};

/// A message that is to come. Dropping it changes nothing; [`cancel`](Timer::cancel) takes it back.
pub struct Timer {
    actor: Badge,
    tasklet: RemoteTasklet,
}

impl Timer {
    /// Nothing comes any more, but what is queued already.
    pub fn cancel(self) {
        // It has ended with its thread otherwise.
        let _ = self.tasklet.kill();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer(for {})", self.actor)
    }
}

impl<M: Send + 'static> Addr<M> {
    /// Sends a message when so much time has passed, as [`tell`](Addr::tell) does. It is a tasklet of this thread that waits for that; the
    /// actor may end before, and then nothing is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasklets::actor::{self, Mailbox};
    ///
    /// tasklets::with_virtual_time(|| {
    ///     let began = tasklets::now();
    ///     let addr = actor::spawn(move |mailbox: &Mailbox<&str>| {
    ///         assert_eq!(mailbox.receive().unwrap(), "tick");
    ///         assert_eq!(tasklets::now() - began, Duration::from_secs(3600));
    ///     });
    ///     addr.send_after(Duration::from_secs(3600), "tick");
    ///     assert_eq!(addr.join(), actor::Reason::Normal);
    /// });
    /// ```
    #[track_caller]
    pub fn send_after(&self, time: Duration, message: M) -> Timer {
        once(self.badge().clone(), Arc::downgrade(self.port()), time, message)
    }

    /// Sends a message again and again, each so much time after the one before was taken in, until the actor has ended. A runtime that is
    /// shut down does not wait for that.
    #[track_caller]
    pub fn send_interval(&self, time: Duration, make: impl FnMut() -> M + 'static) -> Timer {
        every(self.badge().clone(), Arc::downgrade(self.port()), time, make)
    }
}

#[track_caller]
pub(super) fn once<M: Send + 'static, P: Port<M> + ?Sized>(
    actor: Badge,
    port: Weak<P>,
    time: Duration,
    message: M,
) -> Timer {
    let at = std::panic::Location::caller();
    later(Builder::new(), actor, move || {
        if sleep(time).is_ok() {
            put(&port, message, at);
        }
    })
}

#[track_caller]
pub(super) fn every<M: Send + 'static, P: Port<M> + ?Sized>(
    actor: Badge,
    port: Weak<P>,
    time: Duration,
    mut make: impl FnMut() -> M + 'static,
) -> Timer {
    let at = std::panic::Location::caller();
    later(Builder::new().background(), actor, move || while sleep(time).is_ok() && put(&port, make(), at) {})
}

/// False if nobody takes it in any more.
fn put<M, P: Port<M> + ?Sized>(port: &Weak<P>, message: M, at: Site) -> bool {
    let Some(port) = port.upgrade() else { return false };
    !matches!(port.phase(), Phase::Ended(_)) && port.put(message, Some(FOREVER), at).is_ok()
}

#[track_caller]
fn later(builder: Builder, actor: Badge, body: impl FnOnce() + 'static) -> Timer {
    let name = format!("timer of {actor}");
    let tasklet = builder.name(name).spawn(body);
    let timer = Timer { actor, tasklet: tasklet.remote() };
    tasklet.detach();
    timer
}
