//! What crossbeam-channel tests of its `Select`, by the same names, rewritten for ours.

use std::collections::HashSet;
use std::time::Duration;

use tasklets::select::{Arm, recv, send};
use tasklets::{
    Receiver, Select, Sender, bounded, now, rendezvous, schedule, sleep, spawn, unbounded, with_virtual_time,
};

use crate::common::{checked, scale};

const MS: Duration = Duration::from_millis(1);

#[test]
fn smoke1() {
    checked(|| {
        let ((s1, r1), (s2, r2)) = (unbounded::<usize>(), unbounded::<usize>());
        let (one, two) = (recv(&r1), recv(&r2));
        let mut set = Select::new();
        let (i1, i2) = (set.add(&one), set.add(&two));
        s1.send(1).unwrap();
        assert_eq!(set.select().unwrap(), i1);
        assert_eq!(one.take().unwrap().unwrap(), 1);
        s2.send(2).unwrap();
        assert_eq!(set.select().unwrap(), i2);
        assert_eq!(two.take().unwrap().unwrap(), 2);
    });
}

#[test]
fn smoke2() {
    checked(|| {
        let channels: Vec<(Sender<i32>, Receiver<i32>)> = (0..5).map(|_| unbounded()).collect();
        let arms: Vec<_> = channels.iter().map(|(_, rx)| recv(rx)).collect();
        let mut set = Select::new();
        for arm in &arms {
            set.add(arm);
        }
        channels[4].0.send(5).unwrap();
        assert_eq!(set.select().unwrap(), 4);
        assert_eq!(arms[4].take().unwrap().unwrap(), 5);
    });
}

#[test]
fn disconnected() {
    checked(|| {
        let (s1, r1) = unbounded::<i32>();
        let (s2, r2) = unbounded::<i32>();
        spawn(move || {
            drop(s1);
            sleep(MS).unwrap();
            s2.send(5).unwrap();
        });
        let (one, two) = (recv(&r1), recv(&r2));
        let mut set = Select::new();
        let (i1, i2) = (set.add(&one), set.add(&two));
        assert_eq!(set.select_timeout(1_000 * MS).unwrap(), Some(i1));
        assert!(one.take().unwrap().unwrap_err().is_disconnected());
        assert_eq!(r2.recv().unwrap(), 5);
        assert!(set.remove(i1));
        // Its sender has ended.
        assert_eq!(set.select_timeout(1_000 * MS).unwrap(), Some(i2));
        assert!(two.take().unwrap().is_err());
    });
}

#[test]
fn default() {
    checked(|| {
        let ((_s1, r1), (s2, r2)) = (unbounded::<i32>(), unbounded::<i32>());
        let (one, two) = (recv(&r1), recv(&r2));
        let mut set = Select::new();
        set.add(&one);
        let i2 = set.add(&two);
        assert_eq!(set.try_select().unwrap(), None);
        s2.send(2).unwrap();
        assert_eq!(set.try_select().unwrap(), Some(i2));
        assert_eq!(two.take().unwrap().unwrap(), 2);
        assert_eq!(set.try_select().unwrap(), None);
        assert_eq!(Select::new().try_select().unwrap(), None);
    });
}

#[test]
fn timeout() {
    checked(|| {
        with_virtual_time(|| {
            let ((_s1, r1), (s2, r2)) = (unbounded::<i32>(), unbounded::<i32>());
            spawn(move || {
                sleep(1_500 * MS).unwrap();
                s2.send(2).unwrap();
                sleep(1_000 * MS).unwrap();
            });
            let (one, two) = (recv(&r1), recv(&r2));
            let mut set = Select::new();
            set.add(&one);
            let i2 = set.add(&two);
            let began = now();
            assert_eq!(set.select_timeout(1_000 * MS).unwrap(), None);
            assert_eq!(now() - began, 1_000 * MS);
            assert_eq!(set.select_timeout(1_000 * MS).unwrap(), Some(i2));
            assert_eq!(two.take().unwrap().unwrap(), 2);
            assert_eq!(now() - began, 1_500 * MS);
            // A set without arms waits, too.
            assert_eq!(Select::new().select_timeout(100 * MS).unwrap(), None);
            assert_eq!(now() - began, 1_600 * MS);
        });
    });
}

#[test]
fn default_when_disconnected() {
    checked(|| {
        let (s, r) = unbounded::<i32>();
        drop(s);
        let arm = recv(&r);
        let mut set = Select::new();
        let index = set.add(&arm);
        assert_eq!(set.try_select().unwrap(), Some(index));
        assert!(arm.take().unwrap().is_err());
        assert_eq!(set.select_timeout(1_000 * MS).unwrap(), Some(index));
        let (s, r) = bounded::<i32>(0);
        drop(r);
        let arm = send(&s, || 1);
        let mut set = Select::new();
        let index = set.add(&arm);
        assert_eq!(set.select_timeout(1_000 * MS).unwrap(), Some(index));
        assert_eq!(arm.take().unwrap().unwrap_err().into_value(), 1);
    });
}

#[test]
fn unblocks() {
    checked(|| {
        let ((s1, r1), (s2, r2)) = (rendezvous::<i32>(), rendezvous::<i32>());
        let thread = std::thread::spawn(move || {
            std::thread::sleep(5 * MS);
            s2.send(2).unwrap();
            s1
        });
        let (one, two) = (recv(&r1), recv(&r2));
        let mut set = Select::new();
        set.add(&one);
        let i2 = set.add(&two);
        assert_eq!(set.select().unwrap(), i2);
        assert_eq!(two.take().unwrap().unwrap(), 2);
        let s1 = thread.join().unwrap();
        let theirs = r1.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(5 * MS);
            assert_eq!(theirs.recv().unwrap(), 1);
        });
        let one = send(&s1, || 1);
        let mut set = Select::new();
        let i1 = set.add(&one);
        assert_eq!(set.select().unwrap(), i1);
        assert!(one.take().unwrap().is_ok());
        thread.join().unwrap();
    });
}

#[test]
fn both_ready() {
    checked(|| {
        let ((s1, r1), (s2, r2)) = (rendezvous::<i32>(), rendezvous::<i32>());
        spawn(move || {
            s1.send(1).unwrap();
            assert_eq!(r2.recv().unwrap(), 2);
        });
        let (one, two) = (recv(&r1), send(&s2, || 2));
        let mut set = Select::new();
        let (i1, i2) = (set.add(&one), set.add(&two));
        let mut order = vec![set.select().unwrap(), set.select().unwrap()];
        order.sort_unstable();
        assert_eq!(order, [i1, i2]);
        assert_eq!(one.take().unwrap().unwrap(), 1);
    });
}

#[test]
fn loop_try() {
    checked(|| {
        for _ in 0..20 {
            let ((s1, r1), (s2, r2)) = (rendezvous::<i32>(), rendezvous::<i32>());
            let (_s_end, r_end) = rendezvous::<()>();
            spawn(move || {
                let (one, end) = (send(&s1, || 1), recv(&r_end));
                let mut set = Select::new();
                let i1 = set.add(&one);
                set.add(&end);
                loop {
                    match set.try_select().unwrap() {
                        Some(taken) => {
                            assert_eq!(taken, i1);
                            break;
                        }
                        None => schedule().unwrap(),
                    }
                }
                // The other one was not sent.
                drop(r2);
            });
            assert_eq!(r1.recv().unwrap(), 1);
            assert!(s2.send(2).unwrap_err().is_disconnected());
        }
    });
}

#[test]
fn preflight() {
    checked(|| {
        for bound in [None, Some(5)] {
            let (s, r) = bound.map_or_else(unbounded, bounded);
            s.send(10).unwrap();
            drop(s);
            let arm = recv(&r);
            let mut set = Select::new();
            set.add(&arm);
            assert_eq!(set.select().unwrap(), 0);
            assert_eq!(arm.take().unwrap().unwrap(), 10);
            assert_eq!(set.select().unwrap(), 0);
            assert!(arm.take().unwrap().is_err());
        }
    });
}

#[test]
fn duplicate_operations() {
    checked(|| {
        let (s, r) = unbounded::<i32>();
        s.send(0).unwrap();
        s.send(1).unwrap();
        let arms = [recv(&r), recv(&r), recv(&r)];
        let sends = [send(&s, || 5), send(&s, || 6)];
        let mut set = Select::new();
        arms.iter().for_each(|arm| {
            set.add(arm);
        });
        sends.iter().for_each(|arm| {
            set.add(arm);
        });
        let mut taken = HashSet::new();
        for _ in 0..scale(2_000) {
            let index = set.select().unwrap();
            taken.insert(index);
            match index {
                0..3 => drop(arms[index].take().unwrap().unwrap()),
                _ => {
                    sends[index - 3].take().unwrap().unwrap();
                    sends[index - 3].refill(7);
                }
            }
        }
        assert_eq!(taken.len(), 5);
    });
}

#[test]
fn nesting() {
    checked(|| {
        let (s, r) = unbounded::<i32>();
        for level in 0..4 {
            let sent = send(&s, || level);
            let mut outer = Select::new();
            outer.add(&sent);
            assert_eq!(outer.select().unwrap(), 0);
            let got = recv(&r);
            let mut inner = Select::new();
            inner.add(&got);
            assert_eq!(inner.select().unwrap(), 0);
            assert_eq!(got.take().unwrap().unwrap(), level);
        }
    });
}
