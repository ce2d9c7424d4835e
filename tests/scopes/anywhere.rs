//! Scopes with members on the workers of a runtime.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::{
    JoinError, ScopeError, SpawnRefusal, current, scope, scope_timeout, shield, sleep, spawn, spawn_anywhere, try_scope,
};

use crate::common::{checked, scale};
use crate::support::{Guest, LONG, OnDrop, caught, raise, runtime, turns};

#[test]
fn members_run_on_workers_and_borrow() {
    checked(|| {
        let runtime = runtime();
        let mut numbers = vec![0_usize; scale(400)];
        let sum: usize = scope(|s| {
            let parts: Vec<_> = numbers
                .chunks_mut(7)
                .map(|part| {
                    let count = move || {
                        part.fill(1);
                        part.len()
                    };
                    s.spawn_at(&runtime.spawner(), count).unwrap()
                })
                .collect();
            s.spawn(|| turns(3));
            parts.iter().map(|part| part.join().unwrap()).sum()
        });
        assert_eq!((sum, numbers.iter().sum()), (scale(400), scale(400)));
        _ = runtime.shutdown();
    });
}

#[test]
fn workers_open_scopes_of_their_own() {
    fn count(texts: &[&str]) -> usize {
        if let [text] = texts {
            return text.len();
        }
        let (left, right) = texts.split_at(texts.len() / 2);
        scope(|s| {
            let right = s.spawn_anywhere(|| count(right)).unwrap();
            count(left) + right.join().unwrap()
        })
    }
    let runtime = runtime();
    let texts = vec!["seven"; scale(200)];
    let total = scope(|s| s.spawn_at(&runtime.spawner(), || count(&texts)).unwrap().join().unwrap());
    assert_eq!(total, 5 * scale(200));
    _ = runtime.shutdown();
}

#[test]
fn a_panic_on_a_worker_cancels_everybody() {
    checked(|| {
        let (runtime, house) = (runtime(), AtomicUsize::new(0));
        let outcome = try_scope(|s| {
            for _ in 0..2 {
                let guest = Guest::new(&house);
                let stays = move || {
                    let _guest = guest;
                    sleep(LONG).unwrap();
                };
                drop(s.spawn_at(&runtime.spawner(), stays).unwrap());
            }
            let _here = s.spawn(|| sleep(LONG));
            let bad = s.spawn_at(&runtime.spawner(), || raise::<&str>("bad")).unwrap();
            let told = shield(|| bad.join());
            assert!(matches!(told, Err(JoinError::InScope)), "{told:?}");
            sleep(LONG).unwrap();
        });
        let Err(ScopeError::Panicked(panics)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(greenlet::panic_message(panics.first()), "bad");
        assert_eq!(house.into_inner(), 0);
        _ = runtime.shutdown();
    });
}

#[test]
fn a_deadline_and_a_kill_reach_other_threads() {
    checked(|| {
        static HOUSE: AtomicUsize = AtomicUsize::new(0);
        let (runtime, house) = (runtime(), &HOUSE);
        let outcome = scope_timeout(Duration::from_millis(20), |s| {
            let guest = Guest::new(house);
            s.spawn_at(&runtime.spawner(), move || (sleep(LONG).unwrap(), guest).0).unwrap();
        });
        assert!(matches!(outcome, Err(ScopeError::TimedOut)), "{outcome:?}");
        let spawner = runtime.spawner();
        let owner = spawn(move || {
            let text = String::from("the owner's");
            scope(|s| {
                let (guest, text) = (Guest::new(house), &text);
                let stays = move || {
                    let _guest = guest;
                    let _ = caught(|| sleep(LONG));
                    assert_eq!(text, "the owner's");
                };
                drop(s.spawn_at(&spawner, stays).unwrap());
            });
        });
        turns(2);
        owner.kill().unwrap();
        assert!(owner.join().is_err());
        assert_eq!(house.load(Ordering::SeqCst), 0);
        _ = runtime.shutdown();
    });
}

/// The owner is ended where nobody else may run: its thread stops until the others have ended.
#[test]
fn an_owner_that_is_killed_in_place_waits_for_other_threads() {
    for unwinding in [true, false] {
        checked(move || {
            static HOUSE: AtomicUsize = AtomicUsize::new(0);
            static BEGUN: AtomicBool = AtomicBool::new(false);
            let (runtime, house, begun) = (runtime(), &HOUSE, &BEGUN);
            begun.store(false, Ordering::SeqCst);
            let spawner = runtime.spawner();
            let owner = spawn(move || {
                let text = String::from("the owner's");
                scope(|s| {
                    let (guest, text) = (Guest::new(house), &text);
                    let stays = move || {
                        let _guest = guest;
                        begun.store(true, Ordering::SeqCst);
                        let _ = caught(|| sleep(LONG));
                        assert_eq!(text, "the owner's");
                    };
                    drop(s.spawn_at(&spawner, stays).unwrap());
                    let _here = s.spawn(|| sleep(LONG));
                });
            });
            while !begun.load(Ordering::SeqCst) {
                turns(1);
                std::thread::yield_now();
            }
            if unwinding {
                let _ = caught(|| {
                    let _guard = OnDrop(|| owner.kill().unwrap());
                    raise("first")
                });
                assert!(!owner.is_alive());
            } else {
                assert!(tasklets::kill_all().is_empty());
            }
            assert_eq!(house.load(Ordering::SeqCst), 0);
            _ = runtime.shutdown();
        });
    }
}

/// What has not begun when the runtime is shut down is dropped, and has ended.
#[test]
fn a_runtime_that_is_shut_down_meanwhile() {
    checked(|| {
        for _ in 0..scale(10) {
            let (runtime, house) = (runtime(), AtomicUsize::new(0));
            let spawner = runtime.spawner();
            scope(|s| {
                for _ in 0..20 {
                    let guest = Guest::new(&house);
                    drop(s.spawn_at(&spawner, move || (sleep(LONG), guest).1));
                }
                std::thread::spawn(move || _ = runtime.shutdown_timeout(Duration::ZERO));
            });
            assert_eq!(house.into_inner(), 0);
        }
    });
}

#[test]
fn what_is_refused_comes_back() {
    let here = || scope(|s| s.spawn_anywhere(|| 7).unwrap_err().into_closure()());
    checked(move || {
        assert_eq!(here(), 7);
        let runtime = runtime();
        let spawner = runtime.spawner();
        _ = runtime.shutdown();
        let text = String::from("lent");
        let back = scope(|s| s.spawn_at(&spawner, || text.len()).unwrap_err().into_closure()());
        assert_eq!(back, 4);
        assert!(spawn_anywhere(|| ()).is_err());
    });
    // A tasklet's scope, on a thread that is not in `enter`.
    std::thread::spawn(|| {
        let runtime = runtime();
        let spawner = runtime.spawner();
        let reason = spawn(move || scope(|s| s.spawn_at(&spawner, || ()).unwrap_err().reason()));
        assert_eq!(reason.join().unwrap(), SpawnRefusal::NotEntered);
        assert!(current().is_main());
        _ = runtime.shutdown();
    })
    .join()
    .unwrap();
}
