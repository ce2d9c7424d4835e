//! A thread's inbox: what other threads ask of its scheduler, and how they wake it.
//!
//! Posting and falling asleep may race. The sleeper first says that it sleeps and then looks into its inbox; who posts first
//! puts a command in and then looks whether the owner sleeps. Between the two steps of each stands a sequentially consistent
//! fence, so that at least one of them sees what the other has done: no command is left lying beside a sleeper. Who finds the
//! owner asleep takes that mark away, and the one who took it makes the one system call.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
#[cfg(unix)]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::sync::{
    AtomicBool, Receiver, Sender, Thread, current, fence, park, park_timeout, several_processors, unbounded,
};
use crate::core::Scheduler;
use crate::park::TaskletId;
use crate::threads::remote::Order;
use crate::threads::task::Queued;

/// What another thread asks for.
pub(crate) enum Command {
    /// Wakes a tasklet that waits for something outside its thread.
    Wake(TaskletId),
    /// Lets go of what a primitive keeps there.
    Discard(u32),
    /// What is done to a tasklet by its remote handle.
    Order(TaskletId, Order),
    /// Begins here, and nowhere else.
    Start(Queued),
    /// Code of this crate that neither switches nor runs user code but as a callback.
    Do(Box<dyn FnOnce(&Scheduler) + Send>),
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
    /// The owner is to look around, without a command.
    nudged: AtomicBool,
    /// Nobody will ever look into it again.
    closed: AtomicBool,
    owner: Thread,
    /// What ends the owner's sleep, if it sleeps in a poller.
    #[cfg(unix)]
    alarm: OnceLock<mio::Waker>,
    number: u64,
    /// It is that of futures: who is to be woken is told this.
    futures: Option<fn(TaskletId)>,
}

impl Shared {
    fn new(commands: Sender<Command>, futures: Option<fn(TaskletId)>) -> Shared {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Shared {
            commands,
            asleep: AtomicBool::new(false),
            nudged: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            owner: current(),
            #[cfg(unix)]
            alarm: OnceLock::new(),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            futures,
        }
    }

    /// Ends the owner's sleep, or its next one.
    fn ring(&self) {
        #[cfg(unix)]
        if let Some(alarm) = self.alarm.get() {
            // It can only fail otherwise if there is no poller any more, and nobody asleep in it. Who has taken the mark away is the only
            // one who rings.
            while alarm.wake().is_err_and(|error| error.kind() == std::io::ErrorKind::Interrupted) {}
            return;
        }
        self.owner.unpark();
    }
}

impl Inbox {
    /// That of no thread: its wake-ups go to this function, and whatever else is asked of it is not done.
    pub(crate) fn of_futures(wake: fn(TaskletId)) -> Inbox {
        let (sender, _) = unbounded();
        Inbox { shared: Arc::new(Shared::new(sender, Some(wake))) }
    }

    /// That of a thread of a model, which nothing is ever asked of.
    #[cfg(loom)]
    #[doc(hidden)]
    pub fn of_model() -> Inbox {
        Inbox::of_futures(|_| ())
    }

    /// A number that no other thread's inbox has had or will have.
    #[inline]
    pub fn number(&self) -> u64 {
        self.shared.number
    }

    /// The name of its thread, if that has one.
    pub fn thread_name(&self) -> Option<&str> {
        self.shared.owner.name()
    }

    /// Whether its thread has ended: then nobody ever looks into it again.
    #[inline]
    pub fn has_ended(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Wakes a tasklet that is blocked [outside](crate::park::Terms::outside), or is about to be: it is made the last of the
    /// runnable ones of its thread, when that looks into its inbox: at once if it is idle, else within 256 switches.
    ///
    /// A wake-up for a tasklet that is not blocked outside does nothing. False if the thread has ended.
    pub fn wake(&self, id: TaskletId) -> bool {
        match self.shared.futures {
            None => self.post(Command::Wake(id)),
            Some(wake) => {
                wake(id);
                true
            }
        }
    }

    /// [`discard_kept`](crate::Scheduler::discard_kept) on that thread, when it looks into its inbox.
    pub fn discard_kept(&self, number: u32) {
        // What a thread that has ended kept is gone.
        self.post(Command::Discard(number));
    }

    /// Posts a command. False if the thread has ended: then nobody obeys it.
    ///
    /// The owner first closes its inbox and then takes out what is in there; who posts puts in first and then looks whether it is
    /// closed, with a fence in between as above: what is answered with true is taken out by the owner.
    pub(crate) fn post(&self, command: Command) -> bool {
        if self.shared.closed.load(Ordering::Acquire) || self.shared.commands.send(command).is_err() {
            return false;
        }
        self.rouse();
        !self.shared.closed.load(Ordering::Relaxed)
    }

    /// Makes the owner look around.
    pub(crate) fn nudge(&self) {
        self.shared.nudged.store(true, Ordering::Release);
        self.rouse();
    }

    /// Wakes the owner if it sleeps.
    fn rouse(&self) {
        fence(Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::Relaxed) && self.shared.asleep.swap(false, Ordering::AcqRel) {
            self.shared.ring();
        }
    }

    /// From now on the owner, which is awake and calls this, sleeps in a poller that this alarm wakes. Who finds it asleep later, sees that:
    /// the owner says so after this.
    #[cfg(unix)]
    pub(crate) fn sleep_in_poller(&self, alarm: mio::Waker) {
        let _ = self.shared.alarm.set(alarm);
    }

    /// Whether there is nothing for the owner to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.commands.is_empty() && !self.shared.nudged.load(Ordering::Acquire)
    }

    /// How the owner is called in messages.
    pub(crate) fn owner(&self) -> String {
        match self.shared.owner.name() {
            Some(name) => name.to_owned(),
            None => format!("thread {}", self.number()),
        }
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
        let (sender, commands) = unbounded();
        Mailroom { inbox: Inbox { shared: Arc::new(Shared::new(sender, None)) }, commands, patience: Cell::new(0) }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty() && !self.shared().nudged.load(Ordering::Acquire)
    }

    pub(crate) fn take(&self) -> Option<Command> {
        // To look is cheaper than to try: that has a fence.
        if self.is_empty() { None } else { self.commands.try_recv().ok() }
    }

    /// Whoever has nudged the owner may do so again.
    pub(crate) fn forget_nudge(&self) {
        let nudged = &self.shared().nudged;
        if nudged.load(Ordering::Relaxed) {
            // What was done before the nudge is seen from here on.
            nudged.swap(false, Ordering::AcqRel);
        }
    }

    /// Takes in nothing any more; the commands that nobody will obey.
    pub(crate) fn close(&self) -> Vec<Command> {
        self.shared().closed.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        std::iter::from_fn(|| self.take()).collect()
    }

    /// Waits for a command, at the longest until the deadline. It may return for no reason. `last_look` is called before it really
    /// sleeps, which `sleep` does: for a time, or until [`Inbox::rouse`].
    pub(crate) fn sleep(
        &self,
        deadline: Option<Instant>,
        last_look: impl FnOnce(),
        sleep: impl FnOnce(Option<Duration>),
    ) {
        if !self.is_empty() || self.spin(deadline) {
            return;
        }
        last_look();
        let asleep = &self.shared().asleep;
        // By a swap, so that it comes after whatever took the mark away last.
        asleep.swap(true, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        let began = Instant::now();
        if self.is_empty() && asleep.load(Ordering::Acquire) {
            sleep(deadline.map(|deadline| deadline.saturating_duration_since(began)));
        }
        asleep.store(false, Ordering::Relaxed);
        // Where wake-ups come in so fast, the next one is worth spinning for.
        if !self.is_empty() && began.elapsed() < 4 * SPIN {
            self.patience.set(PATIENCE);
        }
    }

    /// Lets the owner, which calls this, sleep for a time, where there is no poller.
    pub(crate) fn park(&self, time: Option<Duration>) {
        match time {
            None => park(&self.shared().owner),
            Some(time) => park_timeout(&self.shared().owner, time),
        }
    }

    /// Spins for a while, if that has paid lately; whether there is something to do now.
    fn spin(&self, deadline: Option<Instant>) -> bool {
        if self.patience.get() == 0 || !several_processors() {
            return false;
        }
        let began = Instant::now();
        let end = deadline.map_or(began + SPIN, |deadline| deadline.min(began + SPIN));
        for round in 0.. {
            for _ in 0..32 {
                if !self.is_empty() {
                    self.patience.set(PATIENCE);
                    return true;
                }
                std::hint::spin_loop();
            }
            // Who is waited for may want this very processor.
            if round >= 4 {
                std::thread::yield_now();
            }
            if Instant::now() >= end {
                break;
            }
        }
        self.patience.set(self.patience.get() - 1);
        false
    }

    fn shared(&self) -> &Shared {
        &self.inbox.shared
    }
}

impl Drop for Mailroom {
    fn drop(&mut self) {
        self.shared().closed.store(true, Ordering::Release);
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
                mailroom.sleep(None, || (), |time| mailroom.park(time));
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
