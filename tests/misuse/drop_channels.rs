//! Destructors of what is sent, where the runtime drops it.

use tasklets::{AnyTasklet, Channel, Preference, kill_all, run};

use crate::deeds::*;
use crate::support::*;

fn blocked_sender(deed: Deed) -> (AnyTasklet, Channel<Guard>) {
    let channel = Channel::new();
    let out = channel.clone();
    let tasklet = go(move || drop(out.send(Guard(deed))));
    tasklet.run().unwrap();
    assert!(tasklet.is_blocked());
    (tasklet, channel)
}

/// A receiver that has been given the value and has not run.
fn met_receiver(deed: Deed, error: bool) -> AnyTasklet {
    let channel = Channel::new();
    channel.set_preference(Preference::Sender);
    let end = channel.clone();
    let tasklet = go(move || drop(end.receive()));
    tasklet.run().unwrap();
    match error {
        true => channel.send_exception(Guard(deed)).unwrap(),
        false => channel.send(Guard(deed)).unwrap(),
    }
    assert!(!tasklet.is_blocked() && tasklet.is_alive());
    tasklet
}

#[test]
fn of_a_killed_sender() {
    each_deed(|deed| blocked_sender(deed).0.kill().unwrap());
}

#[test]
fn of_a_sender_with_a_pending_kill() {
    each_deed(|deed| {
        blocked_sender(deed).0.kill_pending().unwrap();
        run();
    });
}

#[test]
fn of_a_sender_in_kill_all() {
    each_deed(|deed| {
        drop(blocked_sender(deed));
        drop(kill_all());
    });
}

#[test]
fn of_a_killed_receiver() {
    each_deed(|deed| met_receiver(deed, false).kill().unwrap());
}

#[test]
fn of_a_receiver_with_a_pending_kill() {
    each_deed(|deed| {
        met_receiver(deed, false).kill_pending().unwrap();
        run();
    });
}

#[test]
fn of_a_receiver_in_kill_all() {
    each_deed(|deed| {
        drop(met_receiver(deed, false));
        drop(kill_all());
    });
}

#[test]
fn error_of_a_killed_receiver() {
    each_deed(|deed| met_receiver(deed, true).kill().unwrap());
}

#[test]
fn received_and_dropped() {
    each_deed(|deed| {
        drop(met_receiver(deed, false));
        run();
    });
}

/// Shut down: the value is the sender's again, in its error.
#[test]
fn of_a_sender_when_shut_down() {
    each_deed(|deed| {
        let (_tasklet, channel) = blocked_sender(deed);
        channel.shutdown();
        run();
    });
}

#[test]
fn refused() {
    each_deed(|deed| {
        let channel = Channel::new();
        channel.close();
        assert!(channel.send(Guard(deed)).is_err());
    });
}

/// The rest of a sequence whose sender is killed.
#[test]
fn rest_of_a_sequence() {
    each_deed(|deed| {
        let channel = Channel::new();
        let out = channel.clone();
        let tasklet = go(move || drop(out.send_sequence([None, Some(Guard(deed))])));
        tasklet.run().unwrap();
        assert!(tasklet.is_blocked());
        tasklet.kill().unwrap();
    });
}
