//! The scheduler of one OS thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::rc::Rc;

use greenlet::{Payload, RcSlot, StackError};
use slab::Slab;

use crate::ahead::Ahead;
use crate::by_hand::ByHand;
use crate::cancel::scopes::Scopes;
use crate::cancel::watch::Watcher;
use crate::cycle::Seen;
use crate::error::TaskletError;
use crate::hooks::{Hooks, alert};
#[cfg(unix)]
use crate::io::reactor::Reactor;
use crate::overflow;
use crate::pace::Pace;
use crate::park::{TaskletId, Wait};
use crate::run::Watch;
use crate::seams::clock::Clock;
use crate::seams::picker::Picker;
use crate::sleep::Nap;
use crate::spare::Spares;
use crate::table::{Entry, Key, Life, Mail, Place, Table};
use crate::tasklet::AnyTasklet;
use crate::threads::worker::Worker;
use crate::wakeup::inbox::Mailroom;
use crate::wakeup::timers::Timers;

/// A thread's scheduler, for code that builds blocking primitives on it (see [`park`](crate::park)).
///
/// Handles are cheap to clone. Tasklets, channels and plain functions of this crate all act on the scheduler of the thread
/// that they are used on; there is no need to carry one around.
#[derive(Clone)]
pub struct Scheduler {
    pub(crate) core: Rc<Core>,
}

/// What a scheduler consists of. Every field is borrowed for a few lines at a time, and never while user code runs.
pub(crate) struct Core {
    pub(crate) table: RefCell<Table>,
    /// The tasklet that runs. The ring's head, except in the midst of a switch.
    pub(crate) current: Cell<Key>,
    /// Letters that wait in entries; a pending operation looks for its own only if this is not 0.
    pub(crate) mails: Cell<usize>,
    /// Callers of `run`, innermost last.
    pub(crate) watches: RefCell<Vec<Watch>>,
    pub(crate) ahead: Ahead,
    pub(crate) hooks: Hooks,
    pub(crate) pace: Pace,
    pub(crate) clock: Clock,
    pub(crate) picker: RefCell<Option<Box<dyn Picker>>>,
    pub(crate) timers: Timers,
    /// What sleepers wait on.
    pub(crate) nap: Rc<dyn Wait>,
    /// Limits of time, and shields.
    pub(crate) scopes: RefCell<Scopes>,
    /// Tasklets that are cancelled, and limits that are reached.
    pub(crate) cancelled: Cell<usize>,
    /// What tells other threads that a tasklet has ended.
    pub(crate) watchers: RefCell<Vec<(TaskletId, Watcher)>>,
    /// What other threads ask for.
    pub(crate) mailroom: Mailroom,
    /// What tells of descriptors, once a tasklet has waited for one.
    #[cfg(unix)]
    pub(crate) reactor: OnceCell<Rc<Reactor>>,
    /// If the thread is one of a runtime.
    pub(crate) worker: OnceCell<Worker>,
    /// What primitives keep here, each at a number of its own.
    pub(crate) kept: RefCell<Slab<Rc<dyn Wait>>>,
    /// Tasklets that wait for what no thread of a runtime need know of; see [`Scheduler::wait_on_the_world`].
    pub(crate) awaiting: Cell<usize>,
    pub(crate) ended: Cell<u64>,
    /// What a tasklet panicked with that somebody kills and waits for.
    pub(crate) last_words: RefCell<Option<Payload>>,
    /// Jobs to be used again.
    pub(crate) spares: Spares,
    /// Tasklets in which something was raised by hand.
    pub(crate) by_hand: RefCell<Vec<ByHand>>,
    /// Why there was no stack when one was last wanted.
    pub(crate) shortage: RefCell<Option<StackError>>,
    /// Nested calls of `enter`.
    pub(crate) entered: Cell<usize>,
    /// Numbers for unnamed channels and the like.
    pub(crate) labels: Cell<u64>,
    /// Room to look for cycles of waits in.
    pub(crate) seen: RefCell<Seen>,
}

/// The main tasklet's key: the first entry of every table.
pub(crate) const MAIN: Key = 0;

thread_local! {
    /// Dropped by `OWNER`. With a destructor of its own, each look at it would ask first whether that has run, and the compiler would
    /// keep its address in the frame: after a switch, whatever is read from there comes late.
    static LOCAL: ManuallyDrop<RcSlot<Core>> = const { ManuallyDrop::new(RcSlot::new()) };
    static OWNER: Owner = const { Owner };
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let Some(core) = LOCAL.with(|local| local.replace(None)) else { return };
        // Frames that were given up may keep the scheduler itself for ever.
        Scheduler { core }.end_mail();
    }
}

impl Scheduler {
    /// The running thread's scheduler, made when first used.
    #[inline]
    pub fn local() -> Scheduler {
        Scheduler::existing().unwrap_or_else(Scheduler::make)
    }

    /// The running thread's scheduler, unless none was made, or it is gone. May be asked by a signal handler.
    #[inline]
    pub(crate) fn existing() -> Option<Scheduler> {
        LOCAL.with(|local| local.get()).map(|core| Scheduler { core })
    }

    #[cold]
    #[inline(never)]
    fn make() -> Scheduler {
        greenlet::describe_overflows(Some(overflow::describe));
        let made = Scheduler::new(Location::caller());
        // Where the owner is gone already, the thread is ending: a scheduler without tasklets answers, and is not kept.
        if OWNER.try_with(|_| ()).is_ok() {
            LOCAL.with(|local| local.replace(Some(made.core.clone())));
        }
        made
    }

    fn new(at: &'static Location<'static>) -> Scheduler {
        let mut table = Table::default();
        let (key, _) = table.add(|generation| Entry { generation, life: Life::Started, ..Entry::new(at) });
        table.append(key);
        debug_assert_eq!(key, MAIN);
        let core = Core {
            table: RefCell::new(table),
            current: Cell::new(MAIN),
            mails: Cell::new(0),
            watches: RefCell::new(Vec::new()),
            ahead: Ahead::default(),
            hooks: Hooks::default(),
            pace: Pace::new(),
            clock: Clock::default(),
            picker: RefCell::new(None),
            timers: Timers::default(),
            nap: Rc::new(Nap),
            scopes: RefCell::default(),
            cancelled: Cell::new(0),
            watchers: RefCell::default(),
            mailroom: Mailroom::new(),
            #[cfg(unix)]
            reactor: OnceCell::new(),
            worker: OnceCell::new(),
            kept: RefCell::new(Slab::new()),
            awaiting: Cell::new(0),
            ended: Cell::new(0),
            last_words: RefCell::new(None),
            spares: Spares::default(),
            by_hand: RefCell::new(Vec::new()),
            shortage: RefCell::new(None),
            entered: Cell::new(0),
            labels: Cell::new(0),
            seen: RefCell::default(),
        };
        Scheduler { core: Rc::new(core) }
    }

    /// The tasklet that runs.
    pub fn current(&self) -> AnyTasklet {
        self.handle(self.core.current.get())
    }

    /// Counts a switch. True now and then, when the clock was looked at.
    #[inline(always)]
    pub(crate) fn tick(&self) -> bool {
        let due = self.core.pace.count();
        if due {
            self.look_around();
        }
        due
    }

    #[cold]
    #[inline(never)]
    fn look_around(&self) {
        self.core.pace.mark();
        self.look_is_due();
    }

    /// A number that was not given before on this thread, to name things in reports.
    pub fn next_label(&self) -> u64 {
        self.core.labels.set(self.core.labels.get() + 1);
        self.core.labels.get()
    }

    /// A handle of a tasklet that is in the table.
    pub(crate) fn handle(&self, key: Key) -> AnyTasklet {
        let mut table = self.core.table.borrow_mut();
        let entry = table.get_mut(key);
        entry.handles += 1;
        let generation = entry.generation;
        drop(table);
        AnyTasklet::adopt(self.clone(), key, generation)
    }

    /// Puts a letter into a tasklet's box. One that was there and not delivered is dropped, and must not switch.
    pub(crate) fn post(&self, key: Key, mail: Mail) {
        let undelivered = self.core.table.borrow_mut().get_mut(key).rare_mut().mail.replace(mail);
        match undelivered {
            None => self.count_mail(1),
            undelivered => self.discard(undelivered),
        }
    }

    /// Takes the letter of a tasklet.
    #[inline]
    pub(crate) fn collect(&self, key: Key) -> Option<Mail> {
        if !self.core.hooks.alerted(alert::MAIL) {
            return None;
        }
        self.collect_there(key)
    }

    #[cold]
    #[inline(never)]
    fn collect_there(&self, key: Key) -> Option<Mail> {
        let mail = self.core.table.borrow_mut().get_mut(key).take_mail()?;
        self.count_mail(-1);
        Some(mail)
    }

    /// Keeps count of the letters that wait.
    pub(crate) fn count_mail(&self, delta: isize) {
        let mails = self.core.mails.get().wrapping_add_signed(delta);
        self.core.mails.set(mails);
        self.core.hooks.alert(alert::MAIL, mails != 0);
    }

    /// Whether a switch is possible now.
    ///
    /// # Errors
    ///
    /// [`TaskletError::SwitchTrap`] and [`TaskletError::Unwinding`].
    #[inline]
    pub fn check_switch(&self) -> Result<(), TaskletError> {
        if std::thread::panicking() {
            return Err(TaskletError::Unwinding);
        }
        if self.core.hooks.trapped() {
            return Err(TaskletError::SwitchTrap);
        }
        Ok(())
    }

    /// The same without a reason.
    #[inline(always)]
    pub(crate) fn may_switch(&self) -> bool {
        !std::thread::panicking() && !self.core.hooks.trapped()
    }

    /// Who is woken when nothing is runnable: the innermost caller of `run`, or main.
    pub(crate) fn waker(&self) -> Key {
        self.core.watches.borrow().last().map_or(MAIN, |watch| watch.key)
    }

    pub(crate) fn is_blocked(&self, key: Key) -> bool {
        self.core.table.borrow().get(key).place == Place::Blocked
    }

    /// Takes a blocked tasklet out of the queue of what it waits for.
    pub(crate) fn unblock(&self, key: Key) {
        let waits = self.core.table.borrow_mut().unblock(key);
        if let Some((on, ticket)) = waits {
            on.unlink(ticket);
        }
    }

    /// Lets go of what a tasklet that is not alive had: of its greenlets; and of its entry, if nobody holds it. They are dropped
    /// outside the table.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn reap(&self, key: Key) {
        // Declared before the table is borrowed, and so dropped after that has ended.
        let (_entry, _base, _last);
        let mut table = self.core.table.borrow_mut();
        let entry = table.get_mut(key);
        if entry.alive() || key == self.core.current.get() {
            return;
        }
        let unwanted = entry.handles == 0;
        _base = entry.base.take();
        _last = table.link_mut(key).greenlet.take();
        if unwanted {
            _entry = table.take(key);
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.core.table.borrow();
        f.debug_struct("Scheduler").field("tasklets", &table.count()).field("runnable", &table.len()).finish()
    }
}
