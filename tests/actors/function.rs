//! Actors that are functions.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tasklets::actor::{self, ActorBuilder, Mailbox, MailboxError, Reason, TellReason, WhenFull};
use tasklets::{Runtime, now, run, schedule, select, sleep, spawn, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::keeping;

#[test]
fn messages_come_in_order_and_stop_comes_after_them() {
    checked(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let theirs = seen.clone();
        let addr = actor::spawn(move |mailbox: &Mailbox<u32>| theirs.lock().unwrap().extend(mailbox));
        for number in 0..10 {
            addr.tell(number).unwrap();
        }
        addr.stop();
        let refused = addr.tell(10).unwrap_err();
        assert!(matches!(refused.reason(), TellReason::Stopping), "{refused}");
        assert_eq!(refused.into_message(), 10);
        assert_eq!(addr.join(), Reason::Stopped);
        assert_eq!(*seen.lock().unwrap(), (0..10).collect::<Vec<_>>());
        let late = addr.tell(11).unwrap_err();
        assert!(matches!(late.reason(), TellReason::Ended(Reason::Stopped)), "{late}");
        assert!(late.to_string().contains("it was stopped"), "{late}");
    });
}

#[test]
fn an_actor_without_addresses_ends_when_it_has_handled_what_is_queued() {
    checked(|| {
        let seen = Arc::new(Mutex::new(0));
        let theirs = seen.clone();
        let addr = actor::spawn(move |mailbox: &Mailbox<u32>| {
            for number in mailbox {
                *theirs.lock().unwrap() += number;
            }
        });
        addr.tell(1).unwrap();
        addr.clone().tell(2).unwrap();
        drop(addr);
        assert!(run().is_finished());
        assert_eq!(*seen.lock().unwrap(), 3);
    });
}

#[test]
fn a_full_mailbox_has_its_senders_wait() {
    checked(|| {
        let addr = ActorBuilder::new().capacity(2).spawn(|mailbox: &Mailbox<usize>| {
            for (number, message) in mailbox.iter().enumerate() {
                assert_eq!(number, message);
                schedule().unwrap();
            }
        });
        let total = scale(1_000);
        for number in 0..total {
            addr.tell(number).unwrap();
            assert!(addr.queued() <= 2);
        }
        addr.stop();
        assert_eq!(addr.join(), Reason::Stopped);
    });
}

#[test]
fn several_senders_wait_and_all_are_admitted() {
    checked(|| {
        let (senders, each) = (8, scale(50));
        let addr = ActorBuilder::new().capacity(1).spawn(move |mailbox: &Mailbox<usize>| {
            assert_eq!(mailbox.iter().take(senders * each).sum::<usize>(), (0..senders).sum::<usize>() * each);
        });
        for sender in 0..senders {
            let addr = addr.clone();
            spawn(move || (0..each).for_each(|_| addr.tell(sender).unwrap())).detach();
        }
        assert_eq!(addr.join(), Reason::Normal);
    });
}

#[test]
fn a_sender_gives_up_in_time_or_is_refused_and_has_its_message_back() {
    checked(|| {
        with_virtual_time(|| {
            let busy = |mailbox: &Mailbox<u32>| {
                let first = mailbox.receive().unwrap();
                sleep(Duration::from_secs(10)).unwrap();
                assert_eq!(first + mailbox.iter().sum::<u32>(), 3);
            };
            let addr = ActorBuilder::new().capacity(1).spawn(busy);
            addr.tell(1).unwrap();
            schedule().unwrap();
            addr.tell(2).unwrap();
            let began = now();
            let late = addr.tell_timeout(3, Duration::from_secs(1)).unwrap_err();
            assert_eq!(now() - began, Duration::from_secs(1));
            assert!(matches!(late.reason(), TellReason::TimedOut), "{late}");
            assert!(addr.try_tell(late.into_message()).unwrap_err().is_full());
            addr.stop();
            assert_eq!(addr.join(), Reason::Stopped);
        });
    });
}

#[test]
fn the_oldest_message_makes_room_where_that_is_wanted() {
    checked(|| {
        let (lost, policy) = keeping();
        let builder = ActorBuilder::new().capacity(2).when_full(WhenFull::DropOldest).undelivered(policy);
        let addr = builder.spawn(|mailbox: &Mailbox<u32>| assert_eq!(mailbox.iter().collect::<Vec<_>>(), [3, 4]));
        for number in 1..=4 {
            addr.tell(number).unwrap();
        }
        addr.stop();
        assert_eq!(addr.join(), Reason::Stopped);
        assert_eq!(*lost.lock().unwrap(), [1, 2]);
        assert_eq!(addr.undelivered(), 2);
    });
}

#[test]
fn a_selective_receive_leaves_the_others_in_order() {
    checked(|| {
        let addr = actor::spawn(|mailbox: &Mailbox<u32>| {
            assert_eq!(mailbox.receive_match(|number| *number == 5).unwrap(), 5);
            assert_eq!(mailbox.receive_match(|number| *number == 3).unwrap(), 3);
            let none = mailbox.receive_match_timeout(|number| *number == 9, Duration::from_millis(1));
            assert!(matches!(none, Err(MailboxError::TimedOut)));
            assert_eq!(mailbox.try_receive().unwrap(), Some(1));
            assert_eq!(mailbox.iter().take(3).collect::<Vec<_>>(), [2, 4, 6]);
        });
        for number in 1..=6 {
            addr.tell(number).unwrap();
        }
        assert_eq!(addr.join(), Reason::Normal);
    });
}

#[test]
fn urgent_messages_come_first_and_in_order() {
    checked(|| {
        let addr = ActorBuilder::new().capacity(2).spawn(|mailbox: &Mailbox<u32>| {
            assert_eq!(mailbox.iter().take(4).collect::<Vec<_>>(), [8, 9, 1, 2]);
        });
        for number in [1, 2] {
            addr.tell(number).unwrap();
        }
        for number in [8, 9] {
            addr.tell_first(number);
        }
        assert_eq!(addr.join(), Reason::Normal);
    });
}

#[test]
fn a_mailbox_is_an_arm_of_a_select() {
    checked(|| {
        let (tx, rx) = tasklets::bounded(1);
        let addr = actor::spawn(move |mailbox: &Mailbox<u32>| {
            let (mut numbers, mut texts) = (Vec::new(), Vec::new());
            while numbers.len() + texts.len() < 4 {
                select! {
                    recv(mailbox) -> number => numbers.push(number.unwrap()),
                    recv(rx) -> text => texts.push(text.unwrap()),
                }
            }
            assert_eq!(numbers, [1, 2]);
            assert_eq!(texts, ["a", "b"]);
            let stopped = select! {
                recv(mailbox) -> number => number.unwrap_err(),
                recv(rx) -> text => unreachable!("{text:?}"),
            };
            assert!(stopped.is_stopped());
        });
        addr.tell(1).unwrap();
        schedule().unwrap();
        tx.send("a").unwrap();
        tx.send("b").unwrap();
        schedule().unwrap();
        schedule().unwrap();
        addr.tell(2).unwrap();
        schedule().unwrap();
        addr.stop();
        assert_eq!(addr.join(), Reason::Stopped);
        drop(tx);
    });
}

#[test]
fn a_select_takes_messages_of_two_mailboxes_from_another_thread() {
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let total = scale(2_000);
    let outer = ActorBuilder::new().spawn_by(&runtime.spawner(), move |outer: &Mailbox<usize>| {
        let spawner = tasklets::Spawner::current().unwrap();
        let inner = outer.receive().unwrap();
        assert_eq!(inner, 0);
        let me = outer.addr();
        let _other = ActorBuilder::new().spawn_by(&spawner, move |_: &Mailbox<()>| {
            (1..=total).for_each(|number| me.tell(number).unwrap());
        });
        let mut expected = 1;
        while expected <= total {
            select! {
                recv(outer) -> number => assert_eq!(number.unwrap(), expected),
            }
            expected += 1;
        }
    });
    outer.tell(0).unwrap();
    assert_eq!(outer.join(), Reason::Normal);
    drop(outer);
    assert!(runtime.shutdown().is_clean());
}

#[test]
fn an_interval_ends_with_its_actor() {
    checked(|| {
        with_virtual_time(|| {
            let addr = actor::spawn(|mailbox: &Mailbox<&'static str>| {
                let began = now();
                assert_eq!(mailbox.iter().take(3).collect::<Vec<_>>(), ["tick"; 3]);
                assert_eq!(now() - began, Duration::from_secs(3));
            });
            addr.send_interval(Duration::from_secs(1), || "tick");
            addr.send_after(Duration::from_millis(500), "never").cancel();
            assert_eq!(addr.join(), Reason::Normal);
            drop(addr);
            assert!(run().is_finished());
        });
    });
}

#[test]
fn an_interval_does_not_hold_up_the_end_of_its_runtime() {
    checked(|| {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let addr = runtime.run(|| {
            let addr = ActorBuilder::new().spawn(|mailbox: &Mailbox<()>| mailbox.iter().for_each(drop));
            addr.send_interval(Duration::from_secs(3600), || ());
            addr
        });
        let addr = addr.unwrap();
        addr.stop();
        assert!(runtime.shutdown().is_clean());
        assert_eq!(addr.join(), Reason::Stopped);
    });
}
