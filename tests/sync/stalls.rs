//! Locks in a runtime of several threads, where nothing goes on.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use tasklets::sync::{Barrier, Event, Mutex, WaitReason};
use tasklets::{JoinError, Runtime, RuntimeReport, Spawner};

use crate::common::checked;
use crate::support::without_numbers;

const LONG: Duration = Duration::from_secs(60);

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

/// Where somebody outside may still come, nothing fails; who looks at the report sees who holds what each one waits for.
#[test]
fn a_cycle_through_two_threads_is_told_where_others_may_end_it() {
    checked(|| {
        let (tell, stalls) = mpsc::channel();
        let hook = move |report: &RuntimeReport| tell.send(without_numbers(&report.to_string())).unwrap();
        let runtime = Runtime::builder().threads(2).name("w").on_stall(hook).build().unwrap();
        let (one, two) = (Arc::new(Mutex::named("one", ())), Arc::new(Mutex::named("two", ())));
        let meeting = Arc::new(Barrier::new(2));
        let take = |worker: usize, mine: &Arc<Mutex<()>>, other: &Arc<Mutex<()>>| {
            let (mine, other, meeting) = (mine.clone(), other.clone(), meeting.clone());
            let work = move || {
                let _held = mine.lock().unwrap();
                meeting.wait().unwrap();
                drop(other.lock().unwrap());
            };
            runtime.spawner().spawn_on(worker, work).unwrap()
        };
        let (left, right) = (take(0, &one, &two), take(1, &two, &one));
        let edge = |lock| {
            format!(
                "tasklet # of w-#: lock on mutex # \"{lock}\" (held by tasklet # of w-# since tests/sync/stalls.rs:#:#) at "
            )
        };
        // Before that, the first one may have stood still at the barrier.
        let told = loop {
            let told = stalls.recv_timeout(LONG).unwrap();
            if told.contains(&edge("one")) && told.contains(&edge("two")) {
                break told;
            }
        };
        assert_eq!(without_numbers(&runtime.dump().to_string()), told);
        assert!(!left.is_finished() && !right.is_finished());
        left.kill();
        assert!(matches!(left.join(), Err(JoinError::Killed)));
        right.join().unwrap();
        assert!(runtime.shutdown().is_clean());
    });
}
