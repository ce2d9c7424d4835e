//! What one tasklet does to another: put it into the ring or take it out, run it, raise in it.

use greenlet::Payload;

use crate::core::{MAIN, Scheduler};
use crate::error::{TaskletError, is_exit};
use crate::table::{Key, Life, Mail, Place};

impl Scheduler {
    /// Yields, where [`yield_plainly`](Scheduler::yield_plainly) could not: the current tasklet becomes the last of the runnable ones.
    #[cold]
    #[inline(never)]
    pub(crate) fn schedule_slowly(&self) -> Result<(), TaskletError> {
        self.meet_here();
        if self.core.table.borrow().len() == 1 {
            return self.schedule_alone();
        }
        self.check_switch()?;
        self.core.table.borrow_mut().rotate();
        self.go();
        self.deliver();
        Ok(())
    }

    /// Nobody is there to yield to, unless a budget is used up.
    fn schedule_alone(&self) -> Result<(), TaskletError> {
        let me = self.core.current.get();
        self.look();
        if self.core.table.borrow().len() > 1 {
            return self.schedule_slowly();
        }
        if self.core.hooks.budgets.get() != 0 && self.check_switch().is_ok() {
            self.spend(me);
            if self.core.table.borrow().head() != Some(me) {
                self.go();
            }
        }
        self.deliver();
        Ok(())
    }

    /// Yields and leaves the ring.
    pub(crate) fn schedule_remove(&self) -> Result<(), TaskletError> {
        let me = self.core.current.get();
        if self.core.table.borrow().len() == 1 {
            let waker = self.waker();
            if waker == me {
                self.meet_here();
                return Ok(());
            }
            if self.is_blocked(waker) && !self.awaits_outside() && !self.is_due() {
                return Err(TaskletError::Deadlock(Box::new(self.report())));
            }
        }
        self.check_switch()?;
        if self.core.table.borrow().get(me).handles == 0 {
            // Nobody could ever insert it again: it goes the way of a paused tasklet whose last handle is dropped.
            return self.throw(me, Box::new(crate::TaskletExit), false);
        }
        self.core.table.borrow_mut().unlink(me);
        self.go();
        self.deliver();
        Ok(())
    }

    /// Refuses targets that cannot run.
    fn check_runnable(&self, key: Key) -> Result<(), TaskletError> {
        let (place, alive) = {
            let table = self.core.table.borrow();
            let entry = table.get(key);
            (entry.place, entry.alive())
        };
        match place {
            Place::Blocked => Err(TaskletError::Blocked { tasklet: self.blocked_label(key) }),
            _ if !alive => Err(TaskletError::Dead { tasklet: self.label(key) }),
            _ => Ok(()),
        }
    }

    pub(crate) fn insert(&self, key: Key) -> Result<(), TaskletError> {
        self.check_runnable(key)?;
        self.link(key);
        Ok(())
    }

    /// Makes sure that a tasklet that can run is in the ring.
    pub(crate) fn link(&self, key: Key) {
        let mut table = self.core.table.borrow_mut();
        match table.get(key).place {
            Place::Ring | Place::Blocked => return,
            Place::Starved => table.sate(key),
            Place::Nowhere => {}
        }
        table.append(key);
    }

    pub(crate) fn remove(&self, key: Key) -> Result<(), TaskletError> {
        if key == self.core.current.get() {
            return Err(TaskletError::Current { tasklet: self.label(key) });
        }
        let place = self.core.table.borrow().get(key).place;
        match place {
            Place::Blocked => return Err(TaskletError::Blocked { tasklet: self.blocked_label(key) }),
            Place::Starved => self.core.table.borrow_mut().sate(key),
            Place::Ring => self.core.table.borrow_mut().unlink(key),
            Place::Nowhere => {}
        }
        Ok(())
    }

    /// Runs a tasklet now. With `pause` the caller leaves the ring in exchange.
    pub(crate) fn run_now(&self, key: Key, pause: bool) -> Result<(), TaskletError> {
        let me = self.core.current.get();
        if key == me {
            return Ok(());
        }
        self.check_runnable(key)?;
        self.check_switch()?;
        let fresh = {
            let table = self.core.table.borrow();
            let entry = table.get(key);
            entry.life == Life::Unstarted && !entry.has_mail()
        };
        if fresh {
            self.bind_stack(key).map_err(TaskletError::Stack)?;
        }
        self.link(key);
        {
            let mut table = self.core.table.borrow_mut();
            table.jump(key);
            if pause {
                table.unlink(me);
            }
        }
        self.go();
        self.deliver();
        Ok(())
    }

    /// Raises something in a tasklet: now, or when it runs next.
    pub(crate) fn throw(&self, key: Key, payload: Payload, pending: bool) -> Result<(), TaskletError> {
        let (life, alive) = {
            let table = self.core.table.borrow();
            let entry = table.get(key);
            (entry.life, entry.alive())
        };
        if !alive {
            return if is_exit(&*payload) { Ok(()) } else { Err(TaskletError::Dead { tasklet: self.label(key) }) };
        }
        if cfg!(panic = "abort") && life == Life::Started {
            return Err(TaskletError::Unsupported);
        }
        if std::thread::panicking() && !pending {
            if !is_exit(&*payload) || key == self.core.current.get() || key == MAIN {
                return Err(TaskletError::Unwinding);
            }
            self.kill_nested(key);
            return Ok(());
        }
        if key == self.core.current.get() {
            std::panic::resume_unwind(payload);
        }
        if !pending {
            self.check_switch()?;
        }
        self.unblock(key);
        self.link_thrown(key, pending);
        self.post(key, Mail::Bomb(payload));
        if !pending {
            self.go();
            self.deliver();
        }
        Ok(())
    }

    /// Where a tasklet goes that something is thrown into: pending, to the tail, unless it has a place in the ring; else the
    /// head jumps to it, or it is put before the caller, who comes next.
    fn link_thrown(&self, key: Key, pending: bool) {
        if pending {
            return self.link(key);
        }
        let mut table = self.core.table.borrow_mut();
        if table.in_ring(key) {
            table.jump(key);
            return;
        }
        table.sate(key);
        table.push_head(key);
    }
}
