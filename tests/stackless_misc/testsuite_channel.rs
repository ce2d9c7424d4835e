//! stackless-testsuite, channel/test_functionality.py: the attributes of a channel.

use tasklets::{AnyTasklet, Channel, Preference, StopIteration, run};

use crate::support::*;

fn sender(channel: &Channel<i32>) -> AnyTasklet {
    let end = channel.clone();
    let tasklet = go(move || drop(end.send(0)));
    run();
    tasklet
}

fn receiver(channel: &Channel<i32>) -> AnyTasklet {
    let end = channel.clone();
    let tasklet = go(move || drop(end.receive()));
    run();
    tasklet
}

#[test]
fn attr_preference() {
    checked(|| {
        let channel = Channel::<i32>::new();
        assert_eq!(channel.preference(), Preference::Receiver);
        for preference in [Preference::Neither, Preference::Sender, Preference::Receiver] {
            channel.set_preference(preference);
            assert_eq!(channel.preference(), preference);
        }
        // Integers count by their sign.
        let by_sign = [(-1, Preference::Receiver), (0, Preference::Neither), (1, Preference::Sender)];
        let far = [(2, Preference::Sender), (-2, Preference::Receiver), (i32::MIN, Preference::Receiver)];
        for (sign, preference) in by_sign.into_iter().chain(far) {
            assert_eq!(Preference::from(sign), preference, "{sign}");
        }
    });
}

#[test]
fn attr_schedule_all() {
    checked(|| {
        let channel = Channel::<i32>::new();
        assert!(!channel.schedule_all());
        channel.set_schedule_all(true);
        assert!(channel.schedule_all());
        channel.set_schedule_all(false);
        assert!(!channel.schedule_all());
    });
}

#[test]
fn attr_balance() {
    checked(|| {
        let channel = Channel::new();
        assert_eq!(channel.balance(), 0);
        let first = sender(&channel);
        assert_eq!(channel.balance(), 1);
        let second = sender(&channel);
        assert_eq!(channel.balance(), 2);
        first.kill().unwrap();
        assert_eq!(channel.balance(), 1);
        second.kill().unwrap();
        assert_eq!(channel.balance(), 0);
        let first = receiver(&channel);
        assert_eq!(channel.balance(), -1);
        let second = receiver(&channel);
        assert_eq!(channel.balance(), -2);
        first.kill().unwrap();
        assert_eq!(channel.balance(), -1);
        second.kill().unwrap();
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn attr_closing_closed() {
    checked(|| {
        let channel = Channel::new();
        assert_eq!((channel.is_closing(), channel.is_closed()), (false, false));
        let tasklet = sender(&channel);
        assert_eq!((channel.is_closing(), channel.is_closed()), (false, false));
        channel.close();
        assert_eq!((channel.is_closing(), channel.is_closed()), (true, false));
        tasklet.kill().unwrap();
        assert_eq!((channel.is_closing(), channel.is_closed()), (true, true));
        channel.open();
        assert_eq!((channel.is_closing(), channel.is_closed()), (false, false));
    });
}

#[test]
fn attr_queue() {
    checked(|| {
        let channel = Channel::new();
        assert_eq!(channel.queue(), None);
        let first = sender(&channel);
        assert_eq!(channel.queue(), Some(first.clone()));
        let second = sender(&channel);
        assert_eq!(channel.queue(), Some(first.clone()));
        assert_eq!((first.prev(), first.next()), (None, Some(second.clone())));
        assert_eq!((second.prev(), second.next()), (Some(first.clone()), None));
        assert_eq!(channel.waiters(), [first.clone(), second.clone()]);
        first.kill().unwrap();
        assert_eq!((channel.queue(), second.prev(), second.next()), (Some(second.clone()), None, None));
        second.kill().unwrap();
        assert_eq!(channel.queue(), None);
    });
}

/// testSig_next: a sequence, then a sent `StopIteration` ends the loop.
#[test]
fn sig_next() {
    checked(|| {
        let channel = Channel::new();
        let end = channel.clone();
        let tasklet = go(move || {
            assert_eq!(end.send_sequence(0..2).unwrap(), 2);
            end.send_exception(StopIteration).unwrap();
        });
        run();
        assert_eq!(channel.iter().collect::<Vec<i32>>(), [0, 1]);
        run();
        assert!(!tasklet.is_alive());
    });
}
