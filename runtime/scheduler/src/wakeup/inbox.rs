//! A thread's inbox: what other threads ask of its scheduler, and how they wake it.
//!
//! Posting and falling asleep may race. The sleeper first says that it sleeps and then looks into its inbox; who posts first
//! puts a command in and then looks whether the owner sleeps. Between the two steps of each stands a sequentially consistent
//! fence, so that at least one of them sees what the other has done: no command is left lying beside a sleeper. Who finds the
//! owner asleep takes that mark away, and the one who took it makes the one system call.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::sync::{
    AtomicBool, Receiver, Sender, Thread, current, fence, park, park_timeout, several_processors, unbounded,
};
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
        let (sender, commands) = unbounded();
        let shared = Shared {
            commands: sender,
            asleep: AtomicBool::new(false),
            owner: current(),
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
        // By a swap, so that it comes after whatever took the mark away last.
        asleep.swap(true, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        let began = Instant::now();
        if self.is_empty() && asleep.load(Ordering::Acquire) {
            match deadline {
                None => park(&self.shared().owner),
                Some(deadline) => park_timeout(&self.shared().owner, deadline.saturating_duration_since(began)),
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

#[cfg(all(test, loom))]
mod models {
    use loom::thread;

    use super::*;

    /// Every order with at most three preemptions: all of them are too many where there are two commands.
    fn check(model: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(model);
    }

    fn id(key: u32) -> TaskletId {
        TaskletId { key, generation: 1 }
    }

    /// Sleeps until so many commands have come. If one is lost, nothing can go on, which loom finds.
    fn receive(mailroom: &Mailroom, count: usize) -> Vec<u32> {
        let mut keys = Vec::new();
        while keys.len() < count {
            while let Some(Command::Wake(id)) = mailroom.take() {
                keys.push(id.key);
            }
            if keys.len() < count {
                mailroom.sleep(None);
            }
        }
        keys
    }

    #[test]
    fn no_wake_up_is_lost_to_a_thread_that_falls_asleep() {
        loom::model(|| {
            let mailroom = Mailroom::new();
            let inbox = mailroom.inbox.clone();
            let poster = thread::spawn(move || assert!(inbox.wake(id(7))));
            assert_eq!(receive(&mailroom, 1), [7]);
            poster.join().unwrap();
        });
    }

    #[test]
    fn two_threads_wake_a_third() {
        check(|| {
            let mailroom = Mailroom::new();
            let posters = [1, 2].map(|key| {
                let inbox = mailroom.inbox.clone();
                thread::spawn(move || assert!(inbox.wake(id(key))))
            });
            let mut keys = receive(&mailroom, 2);
            keys.sort_unstable();
            assert_eq!(keys, [1, 2]);
            for poster in posters {
                poster.join().unwrap();
            }
        });
    }

    #[test]
    fn commands_of_one_thread_come_in_order() {
        check(|| {
            let mailroom = Mailroom::new();
            let inbox = mailroom.inbox.clone();
            let poster = thread::spawn(move || assert!(inbox.wake(id(1)) && inbox.wake(id(2))));
            assert_eq!(receive(&mailroom, 2), [1, 2]);
            poster.join().unwrap();
        });
    }
}
