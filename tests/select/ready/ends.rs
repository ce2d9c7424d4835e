//! Selects on descriptors that end otherwise: by kills, limits, traps, or late.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use tasklets::io::lose_events;
use tasklets::net::{TcpStream, UnixStream};
use tasklets::{
    Channel, Elapsed, ReceiveError, run, schedule, select, sleep, spawn, stats, timeout, with_virtual_time,
};

use super::{HOUR, nobody_watches, pair};
use crate::common::checked;

#[test]
fn kills_and_limits_leave_nothing_in_the_poller() {
    checked(|| {
        let (here, _there) = pair();
        let never = Channel::<()>::new();
        let wait = |here: &TcpStream, never: &Channel<()>| {
            select! {
                readable(here) -> _ => unreachable!("nothing comes"),
                recv(never) -> _ => unreachable!("nobody sends"),
            }
        };
        for _ in 0..3 {
            let (stream, channel) = (here.try_clone().unwrap(), never.clone());
            let waiting = spawn(move || wait(&stream, &channel));
            schedule().unwrap();
            let report = run_report();
            assert!(report.contains("(readable)") && report.contains("select on"), "{report}");
            waiting.kill().unwrap();
            assert!(waiting.join().is_err());
            nobody_watches();
        }
        with_virtual_time(|| {
            let elapsed: Result<(), Elapsed> = timeout(HOUR, || wait(&here, &never));
            assert!(elapsed.is_err());
            nobody_watches();
        });
        let outcome = tasklets::try_scope(|scope| {
            let (stream, channel) = (here.try_clone().unwrap(), never.clone());
            let member = scope.spawn(move || wait(&stream, &channel));
            schedule().unwrap();
            scope.cancel();
            member.join().is_err()
        });
        assert!(outcome.is_err());
        nobody_watches();
        assert_eq!(stats().blocked, 0);
    });

    fn run_report() -> String {
        format!("{}", tasklets::dump())
    }
}

#[test]
fn who_is_killed_after_it_was_told_takes_nothing_from_others() {
    checked(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let never = Channel::<()>::new();
        let watch = || {
            let (here, never) = (here.try_clone().unwrap(), never.clone());
            spawn(move || {
                select! {
                    readable(here) -> ready => ready.unwrap(),
                    recv(never) -> _ => unreachable!("nobody sends"),
                }
                (&here).read(&mut [0; 8]).unwrap()
            })
        };
        let (first, second) = (watch(), watch());
        let alarm = spawn({
            let here = here.try_clone().unwrap();
            move || here.readable().unwrap()
        });
        schedule().unwrap();
        there.write_all(b"x").unwrap();
        alarm.join().unwrap();
        // Both were told with it, and have run or will: only one finds something.
        first.kill().unwrap();
        there.write_all(b"y").unwrap();
        let _ = first.join();
        assert!(second.join().unwrap() >= 1);
        nobody_watches();
    });
}

#[test]
fn lost_events_lose_no_select() {
    checked(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        let never = Channel::<()>::new();
        let waiting = spawn(move || {
            select! {
                readable(here) -> ready => ready.unwrap(),
                recv(never) -> _ => unreachable!("nobody sends"),
            }
        });
        schedule().unwrap();
        lose_events(2);
        there.write_all(b"x").unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn who_may_not_wait_is_told_by_the_arm() {
    checked(|| {
        let (here, _there) = UnixStream::pair().unwrap();
        let never = Channel::<()>::new();
        let waiting = spawn(move || {
            tasklets::current().set_block_trap(true);
            select! {
                readable(here) -> ready => ready.unwrap_err(),
                recv(never) -> _ => unreachable!("nobody sends"),
            }
        });
        let error = waiting.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(error.to_string().contains("block trap"), "{error}");
        // With a descriptor to wait for, nothing is a deadlock.
        let (here, mut there) = UnixStream::pair().unwrap();
        let orders = Channel::<()>::new();
        let writer = spawn(move || {
            sleep(Duration::from_millis(1)).unwrap();
            there.write_all(b"x").unwrap();
        });
        let outcome: Result<(), ReceiveError> = select! {
            recv(orders) -> order => order,
            readable(here) -> ready => { ready.unwrap(); Ok(()) }
        };
        outcome.unwrap();
        writer.join().unwrap();
        assert!(run().is_finished());
    });
}
