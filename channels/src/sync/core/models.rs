//! Who gets a mutex that is released while its next waiter gives up, in every order of the threads.
//!
//! What is checked is what happens under the lock. How a thread is woken is checked where inboxes are; that it is woken for what it
//! has got, or finds it when it gives up by itself, is here.

use loom::sync::Arc;
use loom::thread;

use super::super::mutex::Held;
use super::*;

type Shared = Arc<Lock<State<Held>>>;

const AT: Call = Call { operation: "lock", want: 1, terms: FOREVER, at: Location::caller() };

/// A mutex that is held by a thread, and one waiter of each of two others: their tickets.
fn held_and_awaited() -> (Shared, [u32; 2]) {
    let mut state = State { queue: Queue::new(), rules: Held::default() };
    let tickets = [0, 1, 2].map(|_| {
        let State { queue, rules } = &mut state;
        let waiter = AT.waiter(queue.seats.number(&Inbox::of_model()), TaskletId::default());
        let ahead = queue.len();
        match rules.admit(&waiter, &mut queue.seats, ahead) {
            Some(_) => None,
            None => Some(queue.push(waiter)),
        }
    });
    let [None, Some(first), Some(second)] = tickets else { panic!("the first one gets it, the others wait") };
    (Arc::new(Lock::new(state)), [first, second])
}

/// Serves the first waiter, as every thread does that is not its own.
fn serve(state: &mut State<Held>) {
    let wakeup = state.serve_first(&Inbox::of_model());
    assert!(matches!(wakeup, None | Some(Wakeup::There { .. })));
}

/// The holder lets go.
fn unlock(shared: &Shared) {
    let mut state = shared.lock();
    state.revoke(1);
    serve(&mut state);
}

/// A waiter's time is up: whether it has the mutex all the same.
fn withdraw(shared: &Shared, ticket: u32) -> bool {
    let mut state = shared.lock();
    let served = state.queue.take(ticket).served;
    if !served {
        serve(&mut state);
    }
    served
}

/// A waiter is killed: what it has got goes on.
fn forsake(shared: &Shared, ticket: u32) {
    let mut state = shared.lock();
    state.forget(ticket);
    serve(&mut state);
}

/// Whether a waiter that has not given up has got it.
fn has_it(shared: &Shared, ticket: u32) -> bool {
    shared.lock().queue.get(ticket).served
}

#[test]
fn a_mutex_goes_on_past_a_waiter_that_is_killed() {
    loom::model(|| {
        let (shared, [first, second]) = held_and_awaited();
        let killed = shared.clone();
        let other = thread::spawn(move || forsake(&killed, first));
        unlock(&shared);
        other.join().unwrap();
        assert!(has_it(&shared, second));
    });
}

#[test]
fn of_a_waiter_whose_time_is_up_and_the_next_one_exactly_one_gets_it() {
    loom::model(|| {
        let (shared, [first, second]) = held_and_awaited();
        let late = shared.clone();
        let other = thread::spawn(move || withdraw(&late, first));
        unlock(&shared);
        let got = other.join().unwrap();
        assert_ne!(got, has_it(&shared, second));
        // It is passed on as ever by whoever has it.
        if got {
            unlock(&shared);
            assert!(has_it(&shared, second));
        }
    });
}

#[test]
fn a_mutex_that_nobody_waits_for_any_more_is_free() {
    loom::model(|| {
        let (shared, tickets) = held_and_awaited();
        let others = tickets.map(|ticket| {
            let shared = shared.clone();
            thread::spawn(move || forsake(&shared, ticket))
        });
        unlock(&shared);
        others.into_iter().for_each(|other| other.join().unwrap());
        let mut state = shared.lock();
        let State { queue, rules } = &mut *state;
        let waiter = AT.waiter(queue.seats.number(&Inbox::of_model()), TaskletId::default());
        assert_eq!(queue.len(), 0);
        assert!(rules.admit(&waiter, &mut queue.seats, 0).is_some());
    });
}
