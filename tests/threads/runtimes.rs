//! Where work goes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use tasklets::{Builder, Handle, Runtime, SpawnRefusal, Spawner, run, schedule, sleep, spawn, spawn_anywhere};

use crate::common::{checked, scale};
use crate::support::{LONG, MS, builder, until, with_runtime};

fn here() -> ThreadId {
    std::thread::current().id()
}

#[test]
fn what_is_spawned_begins_and_its_result_comes_back() {
    checked(|| {
        with_runtime(2, |runtime| {
            let handles: Vec<_> = (0..scale(1_000)).map(|n| runtime.spawn(move || 2 * n).unwrap()).collect();
            for (n, handle) in handles.iter().enumerate() {
                assert_eq!(handle.join().unwrap(), 2 * n);
                assert!(handle.is_finished());
            }
        });
    });
}

#[test]
fn two_workers_run_at_the_same_time() {
    checked(|| {
        with_runtime(2, |runtime| {
            // Each blocks its thread until the other is there.
            let barrier = Arc::new(Barrier::new(2));
            let meet = |barrier: Arc<Barrier>| move || (barrier.wait(), here()).1;
            let (a, b) = (runtime.spawn(meet(barrier.clone())).unwrap(), runtime.spawn(meet(barrier)).unwrap());
            assert_ne!(a.join().unwrap(), b.join().unwrap());
        });
    });
}

#[test]
fn a_worker_that_is_busy_has_its_work_stolen() {
    checked(|| {
        with_runtime(2, |runtime| {
            let there = runtime.run(|| {
                let done = Arc::new(AtomicBool::new(false));
                let theirs = done.clone();
                let stolen = spawn_anywhere(move || {
                    theirs.store(true, Ordering::Release);
                    here()
                });
                // This thread does not switch, so that only the other one can do it.
                until("the other worker takes it", || done.load(Ordering::Acquire));
                (here(), stolen.unwrap().join().unwrap())
            });
            let (mine, other) = there.unwrap();
            assert_ne!(mine, other);
        });
    });
}

#[test]
fn a_worker_begins_the_newest_of_its_own_first() {
    checked(|| {
        with_runtime(1, |runtime| {
            let order = Arc::new(Mutex::new(Vec::new()));
            let noted = order.clone();
            runtime
                .run(move || {
                    // A worker that has hardly begun looks all the time.
                    let partner = spawn(|| (0..10_000).for_each(|_| schedule().unwrap()));
                    (0..10_000).for_each(|_| schedule().unwrap());
                    partner.join().unwrap();
                    let handles: Vec<Handle> = (0..4)
                        .map(|n| {
                            let order = order.clone();
                            spawn_anywhere(move || order.lock().unwrap().push(n)).unwrap()
                        })
                        .collect();
                    handles.iter().for_each(|handle| handle.join().unwrap());
                })
                .unwrap();
            // Except for one that may have waited for as many switches as that the worker looks at its oldest one.
            let order = noted.lock().unwrap();
            let descending = |without: usize| {
                let rest = (0..4).filter(|at| *at != without).map(|at| order[at]);
                rest.is_sorted_by(|a, b| a > b)
            };
            assert!(order.len() == 4 && (0..4).any(descending), "{order:?}");
        });
    });
}

#[test]
fn a_ring_that_never_empties_leaves_nothing_lying() {
    checked(|| {
        with_runtime(1, |runtime| {
            let stop = Arc::new(AtomicBool::new(false));
            let (mine, theirs) = (stop.clone(), stop.clone());
            // One from within, one from outside.
            let spinner = runtime.spawn(move || {
                let inner = spawn_anywhere(|| "inner").unwrap();
                let partner = spawn(move || {
                    while !theirs.load(Ordering::Acquire) {
                        schedule().unwrap()
                    }
                });
                while !mine.load(Ordering::Acquire) {
                    schedule().unwrap();
                }
                partner.join().unwrap();
                inner.join().unwrap()
            });
            let spinner = spinner.unwrap();
            assert_eq!(runtime.spawn(|| "outer").unwrap().join_timeout(LONG).unwrap(), "outer");
            stop.store(true, Ordering::Release);
            assert_eq!(spinner.join().unwrap(), "inner");
        });
    });
}

#[test]
fn spawn_on_chooses_the_worker() {
    checked(|| {
        with_runtime(2, |runtime| {
            let names: Vec<String> = (0..2)
                .map(|n| {
                    runtime.spawn_on(n, || std::thread::current().name().unwrap().to_owned()).unwrap().join().unwrap()
                })
                .collect();
            assert_eq!(names, ["worker-0", "worker-1"]);
            let error = runtime.spawn_on(2, || 5).unwrap_err();
            assert_eq!(error.reason(), SpawnRefusal::NoWorker { worker: 2, workers: 2 });
            assert_eq!(error.to_string(), "there is no worker 2: the runtime has 2, counted from 0");
            assert_eq!(error.into_closure()(), 5);
        });
    });
}

#[test]
fn a_tasklet_that_has_begun_never_moves() {
    checked(|| {
        with_runtime(2, |runtime| {
            let wander = || {
                let home = here();
                for n in 0..scale(200) {
                    if n % 20 == 0 {
                        sleep(MS / 20).unwrap()
                    } else {
                        schedule().unwrap()
                    }
                    assert_eq!(home, here());
                }
            };
            let handles: Vec<_> = (0..20).map(|_| runtime.spawn(wander).unwrap()).collect();
            handles.iter().for_each(|handle| handle.join().unwrap());
        });
    });
}

#[test]
fn threads_are_named_and_told_of() {
    checked(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (starts, stops) = (seen.clone(), seen.clone());
        let note = |seen: &Mutex<Vec<String>>, what: &str, n: usize| {
            seen.lock().unwrap().push(format!("{what} {n} {}", std::thread::current().name().unwrap()));
        };
        let runtime = Runtime::builder()
            .threads(2)
            .name("net")
            .on_thread_start(move |n| note(&starts, "start", n))
            .on_thread_stop(move |n| note(&stops, "stop", n))
            .build()
            .unwrap();
        runtime.run(|| ()).unwrap();
        drop(runtime);
        let mut seen = seen.lock().unwrap().clone();
        seen.sort();
        assert_eq!(seen, ["start 0 net-0", "start 1 net-1", "stop 0 net-0", "stop 1 net-1"]);
    });
}

#[test]
fn the_stack_size_is_that_of_the_runtime() {
    checked(|| {
        let runtime = Runtime::builder().threads(1).stack_size(1 << 20).build().unwrap();
        let size = runtime.run(|| tasklets::dump().tasklets.iter().find_map(|tasklet| tasklet.stack_size)).unwrap();
        assert!(size.unwrap() >= 1 << 20, "{size:?}");
    });
}

#[test]
fn one_tasklet_may_have_a_name_and_a_stack_size_of_its_own() {
    checked(|| {
        let runtime = Runtime::builder().threads(2).stack_size(1 << 17).build().unwrap();
        let (spawner, (go, wait)) = (runtime.spawner(), tasklets::rendezvous::<()>());
        let look = || {
            let size = tasklets::dump().tasklets.iter().find_map(|tasklet| tasklet.stack_size).unwrap();
            (tasklets::current().to_string(), size)
        };
        let own = Builder::new().name("large").stack_size(1 << 20).spawn_on(&spawner, 1, look).unwrap().join().unwrap();
        assert!(own.0.contains("\"large\"") && own.1 >= 1 << 20, "{own:?}");
        let plain = runtime.spawn_on(1, look).unwrap().join().unwrap();
        assert!(!plain.0.contains("large") && plain.1 < 1 << 20, "{plain:?}");

        let waits = Builder::new().name("waits").spawn_by(&spawner, move || wait.recv().is_ok()).unwrap();
        while !runtime.dump().to_string().contains("\"waits\"") {
            std::thread::yield_now();
        }
        go.send(()).unwrap();
        assert!(waits.join().unwrap());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn pinned_workers_have_one_processor() {
    checked(|| {
        let runtime = Runtime::builder().threads(3).pin_workers(true).build().unwrap();
        for n in 0..3 {
            let processors = runtime.spawn_on(n, || std::thread::available_parallelism().unwrap().get());
            assert_eq!(processors.unwrap().join().unwrap(), 1);
        }
    });
}

#[test]
fn several_runtimes_share_nothing() {
    checked(|| {
        let (first, second) = (builder(1), builder(2));
        let (first, a, second, b) = (first.0.build().unwrap(), first.1, second.0.build().unwrap(), second.1);
        let (to_second, to_first) = (second.spawner(), first.spawner());
        // Each is told to do something by the other.
        let nested = move || {
            let outer = here();
            let inner = to_second.spawn(move || to_first.spawn(here).unwrap().join().unwrap()).unwrap();
            (outer, inner.join().unwrap())
        };
        let (outer, innermost) = first.run(nested).unwrap();
        assert_eq!(outer, innermost);
        assert!(first.shutdown().is_clean());
        a.check(1);
        assert_eq!(second.run(|| 3).unwrap(), 3);
        assert!(second.shutdown().is_clean());
        b.check(2);
    });
}

#[test]
fn outside_a_runtime_nothing_is_spawned_anywhere() {
    checked(|| {
        let error = spawn_anywhere(|| "mine").unwrap_err();
        assert_eq!(error.reason(), SpawnRefusal::NoRuntime);
        assert_eq!(error.into_closure()(), "mine");
        assert!(Spawner::current().is_none());
    });
}

#[test]
fn run_inside_a_tasklet_returns_though_the_runtime_goes_on() {
    checked(|| {
        with_runtime(1, |runtime| {
            let finished = runtime.run(|| {
                spawn(|| schedule().unwrap()).detach();
                run().finished
            });
            assert_eq!(finished.unwrap(), 1);
        });
    });
}

#[test]
fn a_tree_of_tasklets_over_two_workers_sums_up() {
    fn node(first: usize, leaves: usize) -> usize {
        if leaves == 1 {
            return first;
        }
        let each = leaves / 10;
        let children: Vec<_> = (0..10).map(|n| spawn_anywhere(move || node(first + n * each, each)).unwrap()).collect();
        children.iter().map(|child| child.join().unwrap()).sum()
    }
    checked(|| {
        let leaves = 10_usize.pow(if scale(1_000) < 1_000 { 2 } else { 4 });
        with_runtime(2, |runtime| {
            assert_eq!(runtime.run(move || node(0, leaves)).unwrap(), leaves * (leaves - 1) / 2);
        });
    });
}

#[test]
fn messages_between_two_workers_are_neither_lost_nor_doubled() {
    checked(|| {
        let count = scale(100_000);
        with_runtime(2, |runtime| {
            let sum = Arc::new(AtomicUsize::new(0));
            let handles: Vec<_> = (0..count)
                .map(|n| {
                    let sum = sum.clone();
                    runtime.spawn_on(n % 2, move || sum.fetch_add(n, Ordering::Relaxed)).unwrap()
                })
                .collect();
            handles.iter().for_each(|handle| _ = handle.join().unwrap());
            assert_eq!(sum.load(Ordering::Relaxed), count * (count - 1) / 2);
        });
    });
}

/// Processor time of the threads of this process whose names begin so, in clock ticks.
#[cfg(target_os = "linux")]
fn ticks_of(name: &str) -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    let ticks = stats.filter(|stat| stat.contains(&format!("({name}"))).map(|stat| {
        let after: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        after[11].parse::<u64>().unwrap() + after[12].parse::<u64>().unwrap()
    });
    ticks.sum()
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_runtime_uses_no_processor_time() {
    checked(|| {
        let runtime = Runtime::builder().threads(2).name("idler").build().unwrap();
        let waiter = runtime.spawn(|| sleep(LONG)).unwrap();
        runtime.run(|| sleep(MS).unwrap()).unwrap();
        let before = ticks_of("idler");
        std::thread::sleep(Duration::from_millis(scale(1_000) as u64));
        assert_eq!(ticks_of("idler"), before);
        waiter.kill();
        assert!(runtime.shutdown().is_clean());
    });
}

/// Meets the others on its OS thread, or gives up.
fn meet(there: &AtomicUsize, all: usize) {
    there.fetch_add(1, Ordering::AcqRel);
    until("all are there", || there.load(Ordering::Acquire).is_multiple_of(all));
}

#[test]
fn every_idle_worker_is_called_when_there_is_work_for_it() {
    checked(|| {
        with_runtime(3, |runtime| {
            for round in 0..scale(300) {
                let there = Arc::new(AtomicUsize::new(0));
                let go = |there: &Arc<AtomicUsize>| {
                    let there = there.clone();
                    move || meet(&there, 3)
                };
                if round % 2 == 0 {
                    let handles = [0; 3].map(|_| runtime.spawn(go(&there)).unwrap());
                    handles.iter().for_each(|handle| handle.join_timeout(LONG).unwrap());
                } else {
                    let (first, others) = (go(&there), [0; 2].map(|_| go(&there)));
                    let all = runtime.spawn(move || {
                        let handles = others.map(|other| spawn_anywhere(other).unwrap());
                        first();
                        handles.iter().for_each(|handle| handle.join().unwrap());
                    });
                    all.unwrap().join_timeout(LONG).unwrap();
                }
            }
        });
    });
}

#[test]
fn nothing_is_lost_to_workers_that_fall_asleep() {
    checked(|| {
        with_runtime(2, |runtime| {
            for round in 0..scale(5_000) {
                let handle = runtime.spawn(move || spawn_anywhere(move || round).unwrap().join().unwrap()).unwrap();
                if round % 64 == 0 {
                    std::thread::sleep(MS / 10);
                }
                assert_eq!(handle.join_timeout(LONG).unwrap(), round);
            }
        });
    });
}
