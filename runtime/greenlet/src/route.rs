//! Who receives what a greenlet ends with.

use std::ptr;

use crate::body::Body;
use crate::handle::AnyGreenlet;
use crate::inner::{Anything, Inner, State};
use crate::lifetime::{drop_caught, end_unstarted};
use crate::mail::{Failure, Got};
use crate::thread::Thread;
use crate::transfer::{any_handle, bind};

/// Finds who receives the outcome of `from`: who kills it, or the nearest live ancestor, unless it is unstarted and cannot take it. Such a
/// one is ended by what it cannot take; what nobody may take because of its type becomes an error. Runs user destructors.
#[inline]
pub(crate) fn route<'a, T: 'static>(thread: &'a Thread, from: &Inner, outcome: &mut Got<T>) -> &'a Inner {
    let parent = from.parent.get();
    // SAFETY: main, which has no parent, does not end; the parent of another one is kept by that edge.
    let plain = from.lent.get().is_null()
        && unsafe { (*parent).state.get() == State::Active && (*parent).awaits.get().is::<T>() };
    if plain && matches!(outcome, Got::Value(_)) {
        // SAFETY: as above; `'a` only says that main's is the longest life.
        return unsafe { &*parent };
    }
    route_with_care(thread, from, outcome)
}

/// `route`, whoever it is.
#[inline(never)]
fn route_with_care<'a, T: 'static>(thread: &'a Thread, from: &Inner, outcome: &mut Got<T>) -> &'a Inner {
    // The last one that was ended. It only saves going up a long chain again for each of its members.
    let mut ended: Option<AnyGreenlet> = None;
    loop {
        let below = ended.as_ref().map_or(from, AnyGreenlet::inner);
        let mut target = match from.adopter() {
            Some(adopter) => adopter,
            None => below.parent().unwrap_or(thread.main()).nearest_live(),
        };
        while matches!(outcome, Got::Failed(_)) && target.state.get() == State::Unstarted {
            target = target.parent().unwrap_or(thread.main()).nearest_live();
        }
        // SAFETY: living ancestors are kept by the edges of their children; `'a` only says that main's is the longest life.
        let target: &'a Inner = unsafe { &*ptr::from_ref(target) };
        let unstarted = target.state.get() == State::Unstarted;
        let fits = target.awaits.get().is::<T>();
        let ends =
            unstarted && matches!(outcome, Got::Exit(_) | Got::Raise(_)) && !(outcome.is_exit() && takes_exit(target));
        if ends {
            let handle = any_handle(target);
            end_unstarted(target);
            ended = Some(handle);
            continue;
        }
        if ended.take().is_some() {
            // User code may have changed the parents. From here to the return none of it runs that is not looked after.
            continue;
        }
        match outcome {
            Got::Value(_) if unstarted && fits => match bind(thread, target) {
                Ok(()) => return target,
                Err(error) => replace(from, outcome, Got::Failed(Box::new(Failure::Stack(error)))),
            },
            Got::Value(_) if fits => return target,
            Got::Value(_) if !unstarted && target.awaits.get().is::<Anything>() => replace(from, outcome, Got::Nothing),
            Got::Value(_) => replace(from, outcome, Got::Failed(Failure::family::<T>(from, target))),
            Got::Nothing if target.awaits.get().is::<Anything>() => return target,
            Got::Nothing => *outcome = Got::Failed(Failure::family::<T>(from, target)),
            Got::Exit(_) if unstarted => match bind(thread, target) {
                Ok(()) => return target,
                Err(error) => *outcome = Got::Failed(Box::new(Failure::Stack(error))),
            },
            Got::Exit(_) | Got::Raise(_) | Got::Failed(_) => return target,
        }
    }
}

/// Drops an outcome for another one.
fn replace<T>(from: &Inner, outcome: &mut Got<T>, with: Got<T>) {
    drop_caught(from, std::mem::replace(outcome, with));
}

fn takes_exit(unstarted: &Inner) -> bool {
    let body = unstarted.body.take();
    let takes = body.as_ref().is_some_and(Body::takes_exit);
    unstarted.body.set(body);
    takes
}
