//! Stopping a server, from any thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::core::Scheduler;
use crate::park::{Inbox, TaskletId};

/// Stops a [`Server`](super::Server): it accepts nobody any more, closes the connections that wait, lets those that are being served come to
/// an end for its grace, and returns.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::net::{Next, Server, TcpListener};
///
/// let server = Server::new(TcpListener::bind("127.0.0.1:0")?);
/// let stopper = server.stopper();
/// std::thread::spawn(move || stopper.stop());
/// assert_eq!(server.serve(|_| Ok(Next::Close))?.accepted, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Stopper {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    asked: AtomicBool,
    /// There is no more grace.
    hurried: AtomicBool,
    /// Who serves.
    server: Mutex<Option<(Inbox, TaskletId)>>,
}

/// The server's side.
#[derive(Default)]
pub(super) struct Stop {
    shared: Arc<Shared>,
}

impl Stop {
    pub(super) fn stopper(&self) -> Stopper {
        Stopper { shared: self.shared.clone() }
    }

    /// The running tasklet serves from now on, and is to be woken. It looks after this whether it was asked to stop.
    pub(super) fn is_served_by(&self, scheduler: &Scheduler) {
        *self.shared.server.lock() = Some((scheduler.inbox().clone(), scheduler.current_id()));
    }

    pub(super) fn is_asked_for(&self) -> bool {
        self.shared.asked.load(Ordering::Acquire)
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.shared.hurried.load(Ordering::Acquire)
    }
}

impl Stopper {
    /// Stops the server, now or when it begins. It returns at once.
    pub fn stop(&self) {
        self.shared.asked.store(true, Ordering::Release);
        self.tell();
    }

    /// Stops the server, or one that is stopping, without grace: the tasklets of connections that are being served are killed. It returns at
    /// once.
    pub fn stop_now(&self) {
        self.shared.hurried.store(true, Ordering::Release);
        self.stop();
    }

    fn tell(&self) {
        let server = self.shared.server.lock().clone();
        if let Some((inbox, id)) = server {
            inbox.wake(id);
        }
    }

    /// Whether it was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.shared.asked.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").field("stopped", &self.is_stopped()).finish()
    }
}
