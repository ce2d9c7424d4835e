//! Greenlets that user code switches by hand while tasklets live on them.
//!
//! Tasklets stand on greenlets, and nothing keeps a program from switching those itself. The scheduler then wakes up in a
//! tasklet that it did not switch to. If a value came, control goes on to the tasklet that is current, as if nothing had
//! happened. If something was raised, the tasklet unwinds, and so is current until it ends or leaves.

use greenlet::{Greenlet, Payload};

use crate::core::{MAIN, Scheduler};
use crate::park::TaskletId;
use crate::table::{Key, Mail, Place};
use crate::trace;

/// A tasklet in which something was raised by hand.
pub(crate) struct ByHand {
    key: Key,
    /// Who was current, and is again when it has ended.
    before: TaskletId,
}

impl Scheduler {
    /// Has raised in `me` what its switch brought, once the operation that it was in has put in order what has to be. If it came by
    /// hand, `me` takes the place that a throw would have given it.
    #[cold]
    #[inline(never)]
    pub(crate) fn raised(&self, me: Key, payload: Payload) {
        self.take_over(me);
        self.post(me, Mail::Bomb(payload));
    }

    fn take_over(&self, me: Key) {
        let current = self.core.current.get();
        if current == me {
            return;
        }
        self.unblock(me);
        let before = {
            let mut table = self.core.table.borrow_mut();
            table.sate(me);
            if table.in_ring(me) {
                table.jump(me);
            } else {
                table.push_head(me);
            }
            TaskletId { key: current, generation: table.get(current).generation }
        };
        self.core.current.set(me);
        self.core.by_hand.borrow_mut().push(ByHand { key: me, before });
        self.count_by_hand();
        trace::entered(self, me);
    }

    /// The tasklet leaves, or ends: it is like any other again. Who was current before something was raised in it by hand.
    #[inline]
    pub(crate) fn take_by_hand(&self, me: Key) -> Option<TaskletId> {
        if self.core.hooks.by_hand.get() == 0 {
            return None;
        }
        let taken = {
            let mut all = self.core.by_hand.borrow_mut();
            let at = all.iter().position(|by_hand| by_hand.key == me)?;
            all.swap_remove(at).before
        };
        self.count_by_hand();
        Some(taken)
    }

    fn count_by_hand(&self) {
        self.core.hooks.by_hand.set(self.core.by_hand.borrow().len());
        self.core.hooks.refresh();
    }

    /// Makes who was current before current again.
    pub(crate) fn restore(&self, before: TaskletId) {
        let mut table = self.core.table.borrow_mut();
        let there = table.is_alive(before.key, before.generation);
        let key = if there { before.key } else { MAIN };
        if table.in_ring(key) {
            table.jump(key);
        }
        self.core.current.set(key);
    }

    /// Where a tasklet goes on. If what it left in has ended meanwhile, by hand, that is its own greenlet.
    fn place_of(&self, key: Key) -> Option<Greenlet<()>> {
        let table = self.core.table.borrow();
        let entry = table.get(key);
        table.link(key).greenlet.as_ref().filter(|greenlet| !greenlet.is_dead()).or(entry.base.as_ref()).cloned()
    }

    /// A value came to `me`, which is not current: it goes on to who is.
    #[cold]
    #[inline(never)]
    pub(crate) fn bounce(&self, me: Key) {
        while self.core.current.get() != me {
            let key = self.core.current.get();
            let place = self.place_of(key);
            let gone = place.as_ref().is_some_and(|greenlet| greenlet.is_dead());
            if gone || place.is_none_or(|greenlet| greenlet.is_current() || self.go_on_in(me, greenlet).is_err()) {
                self.core.current.set(me);
                if gone {
                    // Ended by hand before its body could run.
                    self.note_end(key);
                    self.bury(key);
                    self.reap(key);
                }
                let mut table = self.core.table.borrow_mut();
                if table.get(me).place == Place::Nowhere {
                    table.push_head(me);
                } else if table.in_ring(me) {
                    table.jump(me);
                }
            }
        }
    }
}
