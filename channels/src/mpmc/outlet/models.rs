//! What is set aside, in every order of a sender, receivers, and who needs to see all of it.

use std::panic::Location;

use loom::sync::Arc;
use loom::thread;

use super::super::core::Kind;
use super::*;

const CAPACITY: usize = 2;

/// Every order with at most three preemptions: all of them are too many.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// A channel at whose lock several threads have met, with these values in its buffer.
fn with(values: impl IntoIterator<Item = u32>) -> Arc<Core<u32>> {
    let core = Core::new(Kind::Bounded, CAPACITY, None);
    core.contended.store(true, Ordering::Relaxed);
    core.lock_state().buffer.extend(values);
    Arc::new(core)
}

/// A send that does not wait, where nobody waits: whether there was room.
fn send(core: &Core<u32>, value: u32) -> bool {
    let mut state = core.lock_state();
    if !state.has_room() && state.stashed != 0 {
        drop(state);
        state = core.lock_for_room();
    }
    let room = state.has_room();
    if room {
        state.buffer.push_back(value);
        core.stir();
    } else if state.stashed == 0 {
        assert!(state.buffer.len() >= CAPACITY, "a sender would wait although there is room");
    }
    room
}

/// A receive that does not wait, where nobody waits.
fn receive(core: &Core<u32>) -> Option<u32> {
    match core.take_stashed() {
        Ok(value) => Some(value),
        Err(mut state) => {
            assert_eq!(state.stashed, 0, "a receiver would wait although something is set aside");
            state.buffer.pop_front()
        }
    }
}

/// What is left when all have finished.
fn rest(core: &Core<u32>) -> Vec<u32> {
    std::iter::from_fn(|| receive(core)).collect()
}

#[test]
fn what_is_set_aside_keeps_its_order_and_counts_against_the_capacity() {
    check(|| {
        let core = with([1, 2]);
        let sending = core.clone();
        let sender = thread::spawn(move || [3, 4].map(|value| (value, send(&sending, value))));
        let receiving = core.clone();
        let receiver = thread::spawn(move || [(); 2].map(|()| receive(&receiving)));
        let held = {
            let (outlet, state) = (core.outlet.lock(), core.lock_state());
            outlet.len() + state.buffer.len()
        };
        assert!(held <= CAPACITY);
        let accepted = sender.join().unwrap().into_iter().filter(|(_, sent)| *sent).map(|(value, _)| value);
        let sent: Vec<u32> = [1, 2].into_iter().chain(accepted).collect();
        let mut received: Vec<u32> = receiver.join().unwrap().into_iter().flatten().collect();
        received.extend(rest(&core));
        assert_eq!(received, sent);
    });
}

#[test]
fn two_receivers_get_every_value_once() {
    check(|| {
        let core = with([1, 2]);
        let receivers = [(); 2].map(|()| {
            let core = core.clone();
            thread::spawn(move || receive(&core))
        });
        let late = send(&core, 3);
        let mut received: Vec<u32> = receivers.into_iter().filter_map(|receiver| receiver.join().unwrap()).collect();
        assert_eq!(received.len(), 2, "there was one for each");
        received.extend(rest(&core));
        received.sort_unstable();
        assert_eq!(received, if late { vec![1, 2, 3] } else { vec![1, 2] });
    });
}

#[test]
fn who_needs_all_of_it_sees_all_that_nobody_has_received() {
    check(|| {
        let core = with([1, 2]);
        let receiving = core.clone();
        let receiver = thread::spawn(move || receive(&receiving));
        let (seen, stashed) = {
            let state = core.lock();
            (state.buffer.len(), state.stashed)
        };
        // Of two values, one may have been received.
        assert!((1..=2).contains(&seen) && stashed == 0);
        assert_eq!((receiver.join().unwrap(), rest(&core)), (Some(1), vec![2]));
    });
}

#[test]
fn a_select_never_passes_over_a_value() {
    check(|| {
        let core = std::sync::Arc::new(Core::new(Kind::Unbounded, usize::MAX, None));
        let at = Location::caller();
        let senders = [1, 2].map(|value| {
            let core = core.clone();
            thread::spawn(move || core.send(value, None, at).is_ok())
        });
        let first = core.poll_recv().ok();
        assert!(senders.into_iter().all(|sender| sender.join().unwrap()));
        let rest = std::iter::from_fn(|| core.poll_recv().ok());
        let mut received: Vec<u32> = first.into_iter().chain(rest).collect();
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
    });
}
