//! What threads keep for a channel goes away with it.

use super::*;
use crate::{bounded, rendezvous};

#[test]
fn nothing_is_kept_for_a_channel_that_is_gone() {
    let scheduler = Scheduler::local();
    let (ready, waits) = bounded(1);
    let (tx, rx) = rendezvous::<i32>();
    let core = Arc::downgrade(tx.core());
    let seat = |core: &Core<i32>| {
        let mut state = core.lock();
        let thread = state.thread(&Scheduler::local());
        state.seats.get(thread)
    };
    let theirs = tx.clone();
    let thread = std::thread::spawn(move || {
        theirs.send(1).unwrap();
        let number = seat(theirs.core());
        drop(theirs);
        let scheduler = Scheduler::local();
        assert!(scheduler.kept(number).is_some());
        ready.send(()).unwrap();
        // The news comes by the inbox.
        while scheduler.kept(number).is_some() {
            tasklets_runtime::sleep(std::time::Duration::from_millis(1)).unwrap();
        }
    });
    while core.upgrade().is_some_and(|core| core.lock().sending.len() == 0) {
        std::thread::yield_now();
    }
    assert_eq!(rx.recv().unwrap(), 1);
    assert!(rx.recv_timeout(std::time::Duration::from_millis(100)).unwrap_err().is_timeout());
    waits.recv().unwrap();
    let number = seat(rx.core());
    assert!(scheduler.kept(number).is_some());
    drop((tx, rx));
    assert!(scheduler.kept(number).is_none());
    thread.join().unwrap();
    assert_eq!((core.strong_count(), core.weak_count()), (0, 0));
}
