//! Both forms: what is evaluated when, what is chosen, sets, nesting.

use std::cell::RefCell;
use std::time::Duration;

use tasklets::select::{Arm, after, at, recv, send};
use tasklets::{
    Channel, Preference, ReceiveError, Select, now, schedule, select, set_select_seed, spawn, with_virtual_time,
};

use crate::common::checked;

const MS: Duration = Duration::from_millis(1);

#[test]
fn expressions_are_evaluated_once_and_in_order() {
    checked(|| {
        let log = RefCell::new(Vec::new());
        let ch = Channel::<u8>::new();
        let note = |n: u8| {
            log.borrow_mut().push(n);
            &ch
        };
        let late = |n: u8| {
            log.borrow_mut().push(n);
            MS
        };
        let taken = select! {
            recv(note(1)) -> _ => 1,
            send(note(2), 1) -> _ => 2,
            after(late(3)) => 3,
            recv(note(4)) -> _ => 4,
            default(late(5)) => 5,
        };
        assert!(taken == 3 || taken == 5);
        assert_eq!(*log.borrow(), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn fair_and_biased() {
    checked(|| {
        let channels: Vec<Channel<()>> = (0..3).map(|_| Channel::new()).collect();
        channels.iter().for_each(Channel::close);
        let (a, b, c) = (&channels[0], &channels[1], &channels[2]);
        let choose = || {
            set_select_seed(3);
            (0..300)
                .map(|_| select! { recv(a) -> _ => 0, recv(b) -> _ => 1, recv(c) -> _ => 2 })
                .collect::<Vec<usize>>()
        };
        let chosen = choose();
        assert_eq!(chosen, choose());
        for arm in 0..3 {
            let count = chosen.iter().filter(|chosen| **chosen == arm).count();
            assert!((70..130).contains(&count), "arm {arm}: {count} of 300");
        }
        for _ in 0..100 {
            assert_eq!(select! { biased; recv(b) -> _ => 1, recv(a) -> _ => 0, recv(c) -> _ => 2, }, 1);
        }
    });
}

#[test]
fn the_partner_of_a_select_goes_on() {
    checked(|| {
        for preference in [Preference::Receiver, Preference::Neither, Preference::Sender] {
            let (one, two) = (Channel::<u8>::new(), Channel::<u8>::new());
            one.set_preference(preference);
            let (r, s) = (one.clone(), two.clone());
            let selecting = spawn(move || select! { recv(r) -> m => m.unwrap(), recv(s) -> m => m.unwrap() });
            schedule().unwrap();
            let before = tasklets::stats().switches;
            one.send(3).unwrap();
            assert_eq!(tasklets::stats().switches, before);
            assert_eq!(selecting.join().unwrap(), 3);
        }
    });
}

#[test]
fn sets_keep_what_was_not_sent() {
    checked(|| {
        let (one, two) = (Channel::<String>::new(), Channel::<String>::new());
        let sending = send(&one, || "mine".to_owned());
        let receiving = recv(&two);
        let mut set = Select::new();
        let (s, r) = (set.add(&sending), set.add(&receiving));
        assert_eq!((s, r, set.len()), (0, 1, 2));
        assert_eq!(set.try_select().unwrap(), None);
        let theirs = two.clone();
        spawn(move || theirs.send("theirs".to_owned()).unwrap());
        assert_eq!(set.select().unwrap(), r);
        assert_eq!(receiving.take().unwrap().unwrap(), "theirs");
        assert!(receiving.take().is_none() && sending.take().is_none());
        assert!(set.remove(r) && !set.remove(r) && !set.remove(9));
        let theirs = one.clone();
        let receiver = spawn(move || theirs.receive().unwrap());
        assert_eq!(set.select_timeout(MS).unwrap(), Some(s));
        assert!(sending.take().unwrap().is_ok());
        assert_eq!(receiver.join().unwrap(), "mine");
        // An arm without a value is never ready.
        assert_eq!(set.select_timeout(MS).unwrap(), None);
        sending.refill("again".to_owned());
        assert_eq!(set.select_deadline(now() + MS).unwrap(), None);
        assert_eq!(sending.take_value().as_deref(), Some("again"));
    });
}

#[test]
fn sets_of_many_arms_and_timers() {
    checked(|| {
        with_virtual_time(|| {
            let channels: Vec<Channel<usize>> = (0..40).map(|_| Channel::new()).collect();
            let arms: Vec<_> = channels.iter().map(recv).collect();
            let (late, never) = (after(5 * MS), at(now() + 100 * MS));
            let mut set = Select::new();
            arms.iter().for_each(|arm| {
                set.add(arm);
            });
            let late_index = set.add(&late);
            set.add(&never);
            set.biased();
            let theirs = channels[33].clone();
            spawn(move || theirs.send(33).unwrap());
            assert_eq!(set.select().unwrap(), 33);
            assert_eq!(arms[33].take().unwrap().unwrap(), 33);
            assert_eq!(set.select().unwrap(), late_index);
            assert_eq!(late.take(), Some(()));
            assert!(channels.iter().all(|channel| channel.balance() == 0));
        });
    });
}

#[test]
fn selects_nest() {
    checked(|| {
        let (one, two) = (Channel::<u8>::new(), Channel::<u8>::new());
        let (first, second) = (one.clone(), two.clone());
        spawn(move || {
            first.send(1).unwrap();
            second.send(2).unwrap();
        });
        let sum = select! {
            recv(one) -> a => select! {
                recv(two) -> b => a.unwrap() + b.unwrap(),
                recv(one) -> _ => unreachable!(),
            },
            after(Duration::from_secs(10)) => 0,
        };
        assert_eq!(sum, 3);
    });
}

#[test]
fn arms_may_leave_loops_and_functions() {
    checked(|| {
        fn first_word(words: &Channel<&'static str>) -> Result<usize, ReceiveError> {
            loop {
                select! {
                    recv(words) -> word => match word? {
                        "" => continue,
                        word => return Ok(word.len()),
                    },
                    default(MS) => break,
                }
            }
            Ok(0)
        }
        let words = Channel::new();
        let theirs = words.clone();
        spawn(move || theirs.send_sequence(["", "", "four"]).unwrap());
        schedule().unwrap();
        assert_eq!(first_word(&words).unwrap(), 4);
        assert_eq!(first_word(&words).unwrap(), 0);
        words.close();
        assert!(first_word(&words).unwrap_err().is_closed());
    });
}
