//! A thread's inbox: what other threads ask of its scheduler, and how they wake it.
//!
//! Posting and falling asleep may race. The sleeper first says that it sleeps and then looks into its inbox; who posts first
//! puts a command in and then looks whether the owner sleeps. Between the two steps of each stands a sequentially consistent
//! fence, so that at least one of them sees what the other has done: no command is left lying beside a sleeper. Who finds the
//! owner asleep takes that mark away, and the one who took it makes the one system call.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::thread::{Thread, available_parallelism};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::park::TaskletId;

/// What another thread asks for.
pub(crate) enum Command {
    /// Wakes a tasklet that waits for something outside its thread.
    Wake(TaskletId),
    /// Lets go of what a primitive keeps there.
    Discard(u32),
}

/// Reaches a thread's scheduler from any thread: to wake its tasklets.
///
/// It keeps nothing alive. When the thread has ended, what is asked of it is not done, and the caller is told.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
}

struct Shared {
    commands: Sender<Command>,
    asleep: AtomicBool,
    owner: Thread,
    number: u64,
}

impl Inbox {
    /// A number that no other thread's inbox has had or will have.
    #[inline]
    pub fn number(&self) -> u64 {
        self.shared.number
    }

    /// The name of its thread, if that has one.
    pub fn thread_name(&self) -> Option<&str> {
        self.shared.owner.name()
    }

    /// Wakes a tasklet that is blocked [outside](crate::park::Terms::outside), or is about to be: it is made the last of the
    /// runnable ones of its thread, when that looks into its inbox: at once if it is idle, else within 256 switches.
    ///
    /// A wake-up for a tasklet that is not blocked outside does nothing. False if the thread has ended.
    pub fn wake(&self, id: TaskletId) -> bool {
        self.post(Command::Wake(id)).is_ok()
    }

    /// [`discard_kept`](crate::Scheduler::discard_kept) on that thread, when it looks into its inbox.
    pub fn discard_kept(&self, number: u32) {
        // What a thread that has ended kept is gone.
        let _ = self.post(Command::Discard(number));
    }

    /// Posts a command; it comes back if the thread has ended.
    pub(crate) fn post(&self, command: Command) -> Result<(), Command> {
        self.shared.commands.send(command).map_err(|refused| refused.0)?;
        fence(Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::Relaxed) && self.shared.asleep.swap(false, Ordering::AcqRel) {
            self.shared.owner.unpark();
        }
        Ok(())
    }
}

impl PartialEq for Inbox {
    fn eq(&self, other: &Inbox) -> bool {
        self.number() == other.number()
    }
}

impl Eq for Inbox {}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("number", &self.number()).field("thread", &self.shared.owner.name()).finish()
    }
}

/// The owner's side.
pub(crate) struct Mailroom {
    pub(crate) inbox: Inbox,
    commands: Receiver<Command>,
    /// How many more times it spins in vain before it sleeps at once.
    patience: Cell<u32>,
}

/// How long an idle thread spins before it sleeps: about what a wake-up by the kernel costs.
const SPIN: Duration = Duration::from_micros(50);

/// Spins in vain in a row, before an idle thread sleeps at once.
const PATIENCE: u32 = 4;

impl Mailroom {
    pub(crate) fn new() -> Mailroom {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let (sender, commands) = crossbeam_channel::unbounded();
        let shared = Shared {
            commands: sender,
            asleep: AtomicBool::new(false),
            owner: std::thread::current(),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
        };
        Mailroom { inbox: Inbox { shared: Arc::new(shared) }, commands, patience: Cell::new(0) }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub(crate) fn take(&self) -> Option<Command> {
        self.commands.try_recv().ok()
    }

    /// Waits for a command, at the longest until the deadline. It may return for no reason.
    pub(crate) fn sleep(&self, deadline: Option<Instant>) {
        if !self.is_empty() || self.spin(deadline) {
            return;
        }
        let asleep = &self.shared().asleep;
        asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let began = Instant::now();
        if self.is_empty() && asleep.load(Ordering::Acquire) {
            match deadline {
                None => std::thread::park(),
                Some(deadline) => std::thread::park_timeout(deadline.saturating_duration_since(began)),
            }
        }
        asleep.store(false, Ordering::Relaxed);
        // Where wake-ups come in so fast, the next one is worth spinning for.
        if !self.is_empty() && began.elapsed() < 4 * SPIN {
            self.patience.set(PATIENCE);
        }
    }

    /// Spins for a while, if that has paid lately; whether there is something to do now.
    fn spin(&self, deadline: Option<Instant>) -> bool {
        if self.patience.get() == 0 || !several_processors() {
            return false;
        }
        let began = Instant::now();
        let end = deadline.map_or(began + SPIN, |deadline| deadline.min(began + SPIN));
        loop {
            for _ in 0..32 {
                if !self.is_empty() {
                    self.patience.set(PATIENCE);
                    return true;
                }
                std::hint::spin_loop();
            }
            if Instant::now() >= end {
                self.patience.set(self.patience.get() - 1);
                return false;
            }
        }
    }

    fn shared(&self) -> &Shared {
        &self.inbox.shared
    }
}

/// Whether another thread can run while this one spins.
fn several_processors() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL.get_or_init(|| available_parallelism().is_ok_and(|processors| processors.get() > 1))
}
