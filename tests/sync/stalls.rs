//! Locks in a runtime of several threads, where nothing goes on.

use std::sync::{Arc, mpsc};

use tasklets::sync::{Event, Mutex, WaitReason};
use tasklets::{Runtime, Spawner};

use crate::common::checked;
use crate::support::without_numbers;

#[test]
fn a_cycle_through_two_threads_ends_in_a_closed_runtime() {
    checked(|| {
        let runtime = Runtime::builder().threads(2).name("w").closed().build().unwrap();
        let (one, two) = (Arc::new(Mutex::named("one", ())), Arc::new(Mutex::named("two", ())));
        let (first, second) = (Arc::new(Event::new()), Arc::new(Event::new()));
        let (tell, told) = mpsc::channel();
        let take = |mine: &Arc<Mutex<()>>, other: &Arc<Mutex<()>>, here: &Arc<Event>, there: &Arc<Event>| {
            let (mine, other, here, there, tell) =
                (mine.clone(), other.clone(), here.clone(), there.clone(), tell.clone());
            move || {
                let held = mine.lock().unwrap();
                here.set();
                there.wait().unwrap();
                if let Err(error) = other.lock() {
                    assert!(matches!(error.reason, WaitReason::Deadlock(_)), "{error}");
                    tell.send(without_numbers(&error.to_string())).unwrap();
                }
                drop(held);
            }
        };
        let (left, right) = (take(&one, &two, &first, &second), take(&two, &one, &second, &first));
        drop(tell);
        let both = runtime.run(move || {
            let spawner = Spawner::current().unwrap();
            (spawner.spawn_on(0, left).unwrap(), spawner.spawn_on(1, right).unwrap())
        });
        let (left, right) = both.unwrap();
        left.join().unwrap();
        right.join().unwrap();
        assert!(runtime.shutdown().is_clean());
        // Whoever fails first unlocks, and the other one may have the lock by then.
        let texts: Vec<String> = told.into_iter().collect();
        assert!(!texts.is_empty());
        for text in texts {
            for (lock, thread) in [("one", "w-#"), ("two", "w-#")] {
                let on = format!(
                    "lock on mutex # \"{lock}\" (held by tasklet # of {thread} since tests/sync/stalls.rs:#:#) at "
                );
                assert!(text.contains(&on), "{on} is not in: {text}");
            }
        }
    });
}
