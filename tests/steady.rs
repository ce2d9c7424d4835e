//! What switching, sending and receiving cost in memory: nothing, once they are warm. In a binary of its own, with one test,
//! because it counts the whole process's allocations and memory.

#[path = "common/mod.rs"]
mod common;

use std::alloc::System;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tasklets::select::{Arm, recv};
use tasklets::sync::{Mutex, RwLock, Semaphore};
use tasklets::{
    Channel, Preference, Receiver, Select, Sender, Tasklet, bounded, bounded_named, rendezvous, run, schedule, select,
    spawn, unbounded,
};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn steady_state() {
    // The harness has begun this thread and still notes so: what it allocates meanwhile would be counted.
    std::thread::sleep(Duration::from_millis(200));
    common::checked(nothing_is_allocated_per_yield);
    common::checked(nothing_is_allocated_per_tasklet);
    for preference in [Preference::Receiver, Preference::Neither, Preference::Sender] {
        common::checked(move || nothing_is_allocated_per_message(preference));
    }
    for capacity in [Some(0), Some(8), None] {
        common::checked(move || nothing_is_allocated_per_message_of_any_thread(capacity));
    }
    common::checked(nothing_is_allocated_per_refusal);
    common::checked(nothing_is_allocated_per_select);
    #[cfg(unix)]
    common::checked(nothing_is_allocated_per_select_on_descriptors);
    common::checked(nothing_is_allocated_per_lock);
    common::checked(locks_that_were_waited_for_leave_nothing);
    common::checked(a_spawned_tasklet_costs_less_than_300_bytes);
    common::checked(spawning_blocking_and_killing_leaves_memory_flat);
    common::checked(threads_that_have_gone_leave_nothing_in_a_channel);
}

/// Runs `warm` and then `work`, which must not allocate.
fn free_of_allocations(what: &str, mut work: impl FnMut()) {
    work();
    let region = Region::new(COUNTING);
    work();
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0), "{what} allocates: {change:?}");
}

fn nothing_is_allocated_per_yield() {
    let yielders: Vec<Tasklet<()>> =
        (0..10).map(|_| spawn(|| (0..10_000).for_each(|_| schedule().expect("a switch")))).collect();
    free_of_allocations("schedule", || (0..1_000).for_each(|_| schedule().expect("a switch")));
    run();
    assert!(yielders.iter().all(|tasklet| !tasklet.is_alive()));
}

/// Of a kind that there was before: joined or not, one by one or many at a time.
fn nothing_is_allocated_per_tasklet() {
    free_of_allocations("spawn and join", || {
        for number in 0..100 {
            assert_eq!(spawn(move || number).join().expect("a result"), number);
        }
    });
    free_of_allocations("spawn by the hundred", || {
        (0..100).for_each(|_| drop(spawn(|| schedule().expect("a switch"))));
        assert!(run().is_finished());
    });
}

fn nothing_is_allocated_per_message(preference: Preference) {
    let (there, back) = (Channel::new(), Channel::new());
    there.set_preference(preference);
    back.set_preference(preference);
    let (inbox, outbox) = (there.clone(), back.clone());
    let echo = spawn(move || inbox.iter().for_each(|value: u64| outbox.send(value).expect("main")));
    free_of_allocations("send and receive", || {
        for value in 0..1_000 {
            there.send(value).expect("the echo");
            assert_eq!(back.receive().expect("the echo"), value);
        }
    });
    there.shutdown();
    echo.join().expect("its end");
}

fn nothing_is_allocated_per_message_of_any_thread(capacity: Option<usize>) {
    let make = || capacity.map_or_else(unbounded, bounded);
    let ((there, inbox), (outbox, back)) = (make(), make());
    let echo = spawn(move || inbox.iter().for_each(|value: u64| outbox.send(value).expect("main")));
    let ahead = capacity.map_or(20, |capacity| capacity + 1) as u64;
    free_of_allocations("send and recv", || {
        for value in 0..1_000 {
            (0..ahead).for_each(|ahead| there.send(value + ahead).expect("the echo"));
            (0..ahead).for_each(|ahead| assert_eq!(back.recv().expect("the echo"), value + ahead));
        }
    });
    drop(there);
    echo.join().expect("its end");
}

fn nothing_is_allocated_per_refusal() {
    let (tx, rx) = bounded_named("full", 1);
    free_of_allocations("a refusal", || {
        let _ = tx.try_send(1);
        assert!(tx.try_send(2).is_err_and(|error| error.is_full()));
        let _ = rx.try_recv();
        assert!(rx.try_recv().is_err_and(|error| error.is_empty()));
    });
}

/// Eight arms, of all kinds, that wait; a set of as many; and a select that finds what it wants.
fn nothing_is_allocated_per_select() {
    let channels: [Channel<u64>; 4] = std::array::from_fn(|_| Channel::new());
    let far: [(Sender<u64>, Receiver<u64>); 4] = std::array::from_fn(|_| rendezvous());
    let (near, senders) = (channels.clone(), far.each_ref().map(|(tx, _)| tx.clone()));
    let feeder = spawn(move || {
        for value in 0.. {
            let sent = match value % 8 {
                place @ 0..4 => near[place as usize].send(value).is_ok(),
                place => senders[place as usize - 4].send(value).is_ok(),
            };
            if !sent {
                return;
            }
        }
    });
    let ([a, b, c, d], [e, f, g, h]) = (&channels, &far.each_ref().map(|(_, rx)| rx));
    let mut expected = 0;
    free_of_allocations("select", || {
        for _ in 0..400 {
            let got = select! {
                recv(a) -> m => m.ok(), recv(b) -> m => m.ok(), recv(c) -> m => m.ok(), recv(d) -> m => m.ok(),
                recv(e) -> m => m.ok(), recv(f) -> m => m.ok(), recv(g) -> m => m.ok(), recv(h) -> m => m.ok(),
            };
            assert_eq!(got, Some(expected));
            expected += 1;
        }
        let (near, far) = (channels.each_ref().map(recv), [e, f, g, h].map(|rx| recv(*rx)));
        let mut set = Select::new();
        for arm in &near {
            set.add(arm);
        }
        for arm in &far {
            set.add(arm);
        }
        for _ in 0..400 {
            let taken = set.select().expect("the feeder");
            let got =
                if taken < 4 { near[taken].take().map(Result::ok) } else { far[taken - 4].take().map(Result::ok) };
            assert_eq!(got.flatten(), Some(expected));
            expected += 1;
        }
    });
    feeder.kill().expect("it is blocked");
}

#[cfg(unix)]
fn nothing_is_allocated_per_select_on_descriptors() {
    use std::io::Read;
    use tasklets::net::UnixStream;

    let ((here, there), orders) = (UnixStream::pair().expect("two sockets"), Channel::<()>::new());
    let (stream, none) = (there.try_clone().expect("a handle"), orders.clone());
    let echo = spawn(move || {
        loop {
            select! {
                readable(stream) -> ready => ready.expect("a byte"),
                recv(none) -> _ => return,
            }
            let mut byte = [0];
            let got = stream.try_read(&mut byte).expect("a byte");
            stream.try_write(&byte[..got]).expect("room");
        }
    });
    free_of_allocations("select on descriptors", || {
        for _ in 0..200 {
            here.try_write(b"x").expect("room");
            select! {
                readable(here) -> ready => ready.expect("a byte"),
                after(Duration::from_secs(3600)) => panic!("an hour has passed"),
            }
            assert_eq!((&here).read(&mut [0]).expect("a byte"), 1);
        }
    });
    echo.kill().expect("it is blocked");
}

/// Tasklets that take one lock each after the other, of each kind, and hold it over a yield.
fn takers(rounds: usize) -> Vec<Tasklet<()>> {
    let locks = Rc::new((Mutex::new(()), RwLock::new(()), Semaphore::new(2)));
    let take = |locks: Rc<(Mutex<()>, RwLock<()>, Semaphore)>| {
        move || {
            for round in 0..rounds {
                let _held = locks.0.lock().expect("the mutex");
                schedule().expect("a switch");
                drop(_held);
                let _written = (round % 2 == 0).then(|| locks.1.write().expect("the lock"));
                let _read = (round % 2 == 1).then(|| locks.1.read().expect("the lock"));
                schedule().expect("a switch");
                let _permit = locks.2.acquire_many(1 + round as u32 % 2).expect("the semaphore");
                schedule().expect("a switch");
            }
        }
    };
    (0..6).map(|_| spawn(take(locks.clone()))).collect()
}

fn nothing_is_allocated_per_lock() {
    let takers = takers(2_000);
    free_of_allocations("locking", || (0..1_000).for_each(|_| schedule().expect("a switch")));
    assert!(takers.iter().all(|taker| taker.is_alive()));
    run();
}

fn locks_that_were_waited_for_leave_nothing() {
    let rounds = |count: usize| {
        for _ in 0..count {
            let takers = takers(2);
            run();
            drop(takers);
        }
    };
    rounds(10);
    let region = Region::new(COUNTING);
    rounds(common::scale(200));
    let change = region.change();
    assert_eq!(change.bytes_allocated, change.bytes_deallocated, "bytes stay allocated: {change:?}");
}

fn a_spawned_tasklet_costs_less_than_300_bytes() {
    let tasklets = common::scale(1_000_000);
    let mut handles = Vec::with_capacity(tasklets);
    let region = Region::new(COUNTING);
    for number in 0..tasklets {
        handles.push(spawn(move || black_box(number)));
    }
    let change = region.change();
    let each = (change.bytes_allocated - change.bytes_deallocated) / tasklets;
    assert!(each <= 300 || tasklets < 1_000_000, "an unstarted tasklet costs {each} bytes");
    assert!(tasklets::kill_all().is_empty());
}

/// The process's resident memory, in KiB, where the system tells.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn spawning_blocking_and_killing_leaves_memory_flat() {
    let channel = Channel::<()>::new();
    let rounds = |count: usize| {
        for _ in 0..count {
            let inbox = channel.clone();
            let tasklet = spawn(move || inbox.receive());
            schedule().expect("a switch");
            assert!(tasklet.is_blocked());
            tasklet.kill().expect("a tasklet that can be killed");
            assert!(!tasklet.is_alive());
        }
    };
    rounds(common::scale(1_000));
    let (before, region) = (resident(), Region::new(COUNTING));
    rounds(common::scale(100_000));
    let (grown, change) = (resident().saturating_sub(before), region.change());
    assert_eq!(change.bytes_allocated, change.bytes_deallocated, "bytes stay allocated: {change:?}");
    let tools = ["asan", "valgrind", "qemu"];
    let why = "the tool's own memory is resident, too, and freed memory is kept for a while";
    if common::tool::meaningless_under(&tools, why) {
        return;
    }
    assert!(grown < 1024, "resident memory grew by {grown} KiB");
}

fn threads_that_have_gone_leave_nothing_in_a_channel() {
    let (_tx, rx) = rendezvous::<u32>();
    let come_and_go = |threads: usize| {
        for _ in 0..threads {
            let rx = rx.clone();
            let thread = std::thread::spawn(move || rx.recv_timeout(Duration::from_micros(1)).is_err());
            assert!(thread.join().expect("its end"));
        }
    };
    come_and_go(20);
    let region = Region::new(COUNTING);
    come_and_go(100);
    let change = region.change();
    let left = change.bytes_allocated.wrapping_sub(change.bytes_deallocated) as isize;
    assert!(left < 100 * 100, "each of 100 threads has left {} bytes behind", left / 100);
}
