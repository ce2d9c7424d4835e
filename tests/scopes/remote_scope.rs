//! Members on other threads that spawn further ones, and cancel their scope.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::{
    JoinError, RemoteScope, ScopeError, SpawnRefusal, Spawner, kill_all, schedule, scope, scope_timeout, shield, sleep,
    spawn, try_scope,
};

use crate::common::{checked, scale};
use crate::support::{Guest, LONG, OnDrop, raise, runtime};

#[test]
fn members_spawn_members() {
    fn fill<'scope>(part: &'scope mut [u32], s: RemoteScope<'scope>) {
        if let [one] = part {
            *one += 1;
            return;
        }
        let (left, right) = part.split_at_mut(part.len() / 2);
        let theirs = s.clone();
        drop(s.spawn_anywhere(move || fill(right, theirs)).unwrap());
        fill(left, s);
    }
    checked(|| {
        let runtime = runtime();
        let mut numbers = vec![0; scale(500)];
        scope(|s| {
            let (numbers, remote) = (&mut numbers[..], s.remote().unwrap());
            drop(s.spawn_at(&runtime.spawner(), move || fill(numbers, remote)).unwrap());
        });
        assert!(numbers.iter().all(|number| *number == 1));
        _ = runtime.shutdown();
    });
}

#[test]
fn siblings_are_joined_and_their_results_may_borrow() {
    checked(|| {
        let runtime = runtime();
        let text = String::from("seven");
        let length = scope(|s| {
            let (text, remote) = (&text, s.remote().unwrap());
            let outer = s.spawn_at(&runtime.spawner(), move || {
                let sibling = remote.spawn_anywhere(move || &text[1..]).unwrap();
                let rest: &str = sibling.join().unwrap();
                rest
            });
            outer.unwrap().join().unwrap().len()
        });
        assert_eq!(length, 4);
        _ = runtime.shutdown();
    });
}

/// The body and the members of the scope's own thread, too, even where the body is shielded.
#[test]
fn a_member_on_another_thread_cancels_everything() {
    for shielded in [false, true] {
        checked(move || {
            let (runtime, house, freed) = (runtime(), AtomicUsize::new(0), AtomicBool::new(false));
            let outcome = try_scope(|s| {
                let remote = s.remote().unwrap();
                let guests = [(); 3].map(|()| Guest::new(&house));
                let [here, there, sibling] = guests;
                s.spawn(|| {
                    let _freed = OnDrop(|| freed.store(true, Ordering::SeqCst));
                    (sleep(LONG).unwrap(), here).0
                });
                drop(s.spawn_at(&runtime.spawner(), move || (sleep(LONG).unwrap(), there).0).unwrap());
                let cancels = move || {
                    let theirs = remote.clone();
                    drop(remote.spawn_anywhere(move || {
                        assert!(!theirs.is_cancelled());
                        theirs.cancel();
                        assert!(theirs.is_cancelled());
                        (sleep(LONG).unwrap(), sibling).0
                    }));
                };
                schedule().unwrap();
                drop(s.spawn_at(&runtime.spawner(), cancels).unwrap());
                let waits = || {
                    while !freed.load(Ordering::SeqCst) {
                        sleep(Duration::from_millis(1)).unwrap();
                    }
                };
                if shielded {
                    shield(waits);
                    assert!(s.is_cancelled());
                }
                sleep(LONG).unwrap();
            });
            assert!(matches!(outcome, Err(ScopeError::Cancelled)), "{outcome:?}");
            assert_eq!(house.into_inner(), 0);
            _ = runtime.shutdown();
        });
    }
}

#[test]
fn what_a_sibling_panics_with_goes_on_in_the_owner() {
    checked(|| {
        let runtime = runtime();
        let outcome = try_scope(|s| {
            let remote = s.remote().unwrap();
            let spawns = move || {
                let bad = remote.spawn_anywhere(|| raise::<&str>("bad")).unwrap();
                let told = shield(|| bad.join());
                assert!(matches!(told, Err(JoinError::InScope)), "{told:?}");
            };
            drop(s.spawn_at(&runtime.spawner(), spawns).unwrap());
            sleep(LONG).unwrap();
        });
        let Err(ScopeError::Panicked(panics)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(greenlet::panic_message(panics.first()), "bad");
        _ = runtime.shutdown();
    });
}

/// A chain of members, each of which spawns the next one and waits for ever.
#[test]
fn a_deadline_reaches_siblings_and_nothing_begins_after_it() {
    fn link<'scope>(house: &'scope AtomicUsize, late: &'scope AtomicUsize, s: RemoteScope<'scope>) {
        let (guest, theirs) = (Guest::new(house), s.clone());
        drop(s.spawn_anywhere(move || {
            let _guest = guest;
            late.fetch_add(usize::from(theirs.is_cancelled()), Ordering::SeqCst);
            sleep(Duration::from_millis(1)).unwrap();
            link(house, late, theirs);
        }));
        sleep(LONG).unwrap();
    }
    checked(|| {
        let (runtime, house, late) = (runtime(), AtomicUsize::new(0), AtomicUsize::new(0));
        let outcome = scope_timeout(Duration::from_millis(100), |s| {
            let (remote, house, late) = (s.remote().unwrap(), &house, &late);
            drop(s.spawn_at(&runtime.spawner(), move || link(house, late, remote)).unwrap());
        });
        assert!(matches!(outcome, Err(ScopeError::TimedOut)), "{outcome:?}");
        assert_eq!(house.into_inner(), 0);
        // Who began just then; each such one has met it where it blocked.
        assert!(late.into_inner() <= 2);
        _ = runtime.shutdown();
    });
}

#[test]
fn what_is_refused_comes_back() {
    checked(|| {
        let runtime = runtime();
        let spawner = runtime.spawner();
        scope(|s| {
            let remote = s.remote().unwrap();
            assert_eq!(remote.spawn_anywhere(|| 7).unwrap_err().reason(), SpawnRefusal::NoRuntime);
            _ = runtime.shutdown();
            assert_eq!(remote.spawn_at(&spawner, || 7).unwrap_err().into_closure()(), 7);
        });
    });
    // A tasklet's scope, on a thread that is not in `enter`.
    std::thread::spawn(|| {
        let reason = spawn(|| scope(|s| s.remote().map(drop).unwrap_err()));
        assert_eq!(reason.join().unwrap(), SpawnRefusal::NotEntered);
    })
    .join()
    .unwrap();
}

/// What a member of a random program does, on any thread.
fn act<'scope>(
    seed: u64,
    depth: u32,
    house: &'scope AtomicUsize,
    log: &'scope Mutex<Vec<u64>>,
    s: &RemoteScope<'scope>,
) {
    let mut dice = seed | 1;
    let mut roll = |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice >> 16) % sides
    };
    for _ in 0..4 {
        match roll(16) {
            0 => raise("random"),
            1 => s.cancel(),
            2 => _ = sleep(Duration::from_micros(roll(300))),
            3 => _ = schedule(),
            4 => log.lock().unwrap().push(seed),
            5 => {
                let _ = catch_unwind(AssertUnwindSafe(|| sleep(Duration::from_millis(1))));
            }
            _ if depth != 0 => {
                let (guest, theirs, seed) = (Guest::new(house), s.clone(), roll(u64::MAX));
                let spawned = s.spawn_anywhere(move || {
                    let _guest = guest;
                    act(seed, depth - 1, house, log, &theirs);
                });
                match spawned {
                    Ok(handle) if roll(4) == 0 => handle.kill(),
                    Ok(handle) if roll(3) == 0 => _ = handle.join(),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

#[test]
fn random_programs_leave_nothing_behind() {
    checked(|| {
        let runtime = runtime();
        for seed in 0..scale(300) as u64 {
            let (house, log) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
            let _ = scope_timeout(Duration::from_millis(500), |s| {
                for n in 0..3 {
                    let (guest, remote) = (Guest::new(&house), s.remote().unwrap());
                    let (house, log) = (&house, &log);
                    let seed = (seed * 3 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    drop(s.spawn_at(&runtime.spawner(), move || {
                        let _guest = guest;
                        act(seed, 4, house, log, &remote);
                    }));
                    let remote = s.remote().unwrap();
                    s.spawn(move || act(seed ^ 77, 0, house, log, &remote));
                }
            });
            assert_eq!(house.into_inner(), 0, "seed {seed}");
        }
        assert!(kill_all().is_empty());
        _ = runtime.shutdown();
    });
}

/// It is for any thread.
#[test]
fn it_is_send_and_sync() {
    fn both<T: Send + Sync + Clone>(_: &T) {}
    checked(|| {
        scope(|s| both(&s.remote().unwrap()));
        assert!(Spawner::current().is_none());
    });
}
