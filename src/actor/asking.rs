//! Whom actors wait for, and circles of that; links.

use std::sync::Arc;

use tasklets_runtime::park::Terms;

use super::addr::{AnyAddr, Port};
use super::core::Order;
use super::node::{Edge, Node, Watcher, running};
use super::reason::{Badge, Reason};
use super::reply::{Slot, slot};
use super::waiter::Site;

/// While it lives, others can see whom the running actor waits for.
pub(super) struct Asking(Option<Arc<dyn Node>>);

impl Asking {
    /// If the running tasklet is an actor: says whom it is about to wait for. The members of the cycle, if that would be one.
    ///
    /// Who says so looks for a cycle afterwards. So of the members of one, on whatever threads, the last one finds it.
    pub(super) fn begin<M: 'static, R: Send + 'static>(
        port: &Arc<dyn Port<M>>,
        slot: &Arc<Slot<R>>,
    ) -> Result<Asking, Vec<Badge>> {
        let Some(me) = running() else { return Ok(Asking(None)) };
        let target: Arc<dyn Node> = port.clone();
        me.set_asking(Some(Box::new(Edge { target: target.clone(), answer: slot.clone() })));
        let asking = Asking(Some(me.clone()));
        let mut members = vec![me.badge().clone()];
        let mut next = Some(target);
        while let Some(node) = next {
            if node.badge().id == members[0].id {
                return Err(members);
            }
            // A cycle of others: theirs to notice.
            if members.iter().any(|member| member.id == node.badge().id) {
                break;
            }
            members.push(node.badge().clone());
            next = node.asks();
        }
        Ok(asking)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(me) = &self.0 {
            me.set_asking(None);
        }
    }
}

/// Waits until an actor has ended; none if it is not waited for any more.
pub(super) fn join(node: &dyn Node, terms: Terms, at: Site) -> Option<Reason> {
    let (slot, reply) = slot::<Reason>();
    let watcher: Watcher = Box::new(move |down| drop(reply.send(down.reason)));
    let number = node.watch(watcher);
    let mut guard = Unwatch { node, number, over: false };
    let reason = slot.wait(node.badge().id, terms, at).ok();
    guard.over = reason.is_some();
    reason
}

/// Takes a watcher back where it is not told in time.
struct Unwatch<'a> {
    node: &'a dyn Node,
    number: u64,
    over: bool,
}

impl Drop for Unwatch<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.node.unwatch(self.number);
        }
    }
}

/// Links two actors: if one of them ends other than in an orderly way, the other one is killed, for [`Reason::Linked`].
///
/// # Examples
///
/// ```
/// use tasklets::actor::{self, Mailbox, Reason, link};
///
/// let idle = |mailbox: &Mailbox<()>| while mailbox.receive().is_ok() {};
/// let (a, b) = (actor::spawn(idle), actor::spawn(idle));
/// link(&a.any(), &b.any());
/// a.kill();
/// assert!(matches!(b.join(), Reason::Linked(down) if down.reason == Reason::Killed));
/// ```
pub fn link(one: &AnyAddr, other: &AnyAddr) {
    for (one, other) in [(one, other), (other, one)] {
        let other = Arc::downgrade(other.node());
        one.node().watch(Box::new(move |down| {
            if !down.reason.is_orderly()
                && let Some(other) = other.upgrade()
            {
                other.order(Order::Kill(Reason::Linked(Arc::new(down))));
            }
        }));
    }
}
