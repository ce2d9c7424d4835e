//! A channel in user code, from nothing but `schedule_remove` and `insert`: who has to wait leaves the run queue, and whoever
//! comes second puts it back. It works in the order of a real channel that prefers neither side.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use tasklets::{AnyTasklet, Channel, Preference, current, run, schedule_remove, spawn};

trait Conduit<T> {
    fn send(&self, value: T);
    fn receive(&self) -> T;
}

struct Waiter<T> {
    tasklet: AnyTasklet,
    sends: bool,
    /// Full while a sender waits, and once a receiver need not wait any more.
    slot: Rc<Cell<Option<T>>>,
}

struct UserChannel<T>(RefCell<VecDeque<Waiter<T>>>);

impl<T> UserChannel<T> {
    fn wait(&self, value: Option<T>) -> Option<T> {
        let slot = Rc::new(Cell::new(None));
        let waiter = Waiter { tasklet: current(), sends: value.is_some(), slot: slot.clone() };
        slot.set(value);
        self.0.borrow_mut().push_back(waiter);
        schedule_remove().expect("somebody else can go on");
        slot.take()
    }

    /// Ends the wait of the first one, if it waits on the other side. Says what was in its slot.
    fn meet(&self, partner_sends: bool, value: Option<T>) -> Result<Option<T>, Option<T>> {
        let partner = self.0.borrow_mut().pop_front_if(|waiter| waiter.sends == partner_sends);
        let Some(partner) = partner else { return Err(value) };
        let found = partner.slot.replace(value);
        partner.tasklet.insert().expect("it is paused");
        Ok(found)
    }
}

impl<T> Conduit<T> for UserChannel<T> {
    fn send(&self, value: T) {
        if let Err(value) = self.meet(false, Some(value)) {
            self.wait(value);
        }
    }

    fn receive(&self) -> T {
        self.meet(true, None).unwrap_or_else(|_| self.wait(None)).expect("a sender came")
    }
}

impl<T> Conduit<T> for Channel<T> {
    fn send(&self, value: T) {
        Channel::send(self, value).expect("somebody receives");
    }

    fn receive(&self) -> T {
        Channel::receive(self).expect("somebody sends")
    }
}

/// Who does what, in which order.
fn log(conduit: Rc<dyn Conduit<u32>>) -> String {
    let log = Rc::new(RefCell::new(Vec::new()));
    for (sender, count) in [('a', 3), ('b', 1), ('c', 2)] {
        let (conduit, log) = (conduit.clone(), log.clone());
        spawn(move || {
            for n in 1..=count {
                conduit.send(n);
                log.borrow_mut().push(format!("{sender}!{n}"));
            }
        });
    }
    for receiver in ['x', 'y'] {
        let (conduit, log) = (conduit.clone(), log.clone());
        spawn(move || {
            for _ in 0..3 {
                let n = conduit.receive();
                log.borrow_mut().push(format!("{receiver}?{n}"));
            }
        });
    }
    let outcome = run();
    format!("{}; {outcome}", log.take().join(" "))
}

fn main() {
    let real = Channel::new();
    real.set_preference(Preference::Neither);
    println!("real: {}", log(Rc::new(real)));
    println!("user: {}", log(Rc::new(UserChannel(RefCell::default()))));
}
