//! All orders of small scenarios.

use crate::common::{checked, scale};
use crate::explore::every_order;
use crate::pipe::Patience::{Forever, Timeout, Try};
use crate::pipe::{KINDS, Kind};
use crate::scenario::Step::{Kill, Pass, Receive, Send, Yield};
use crate::scenario::{MS, Steps, play};

/// Every order on every kind of channel. `TEST_SCALE` below 1 tries the first of them only.
fn in_every_order(tasklets: &'static [&'static [crate::scenario::Step]]) {
    checked(move || {
        let steps: Vec<Steps> = tasklets.iter().map(|steps| steps.to_vec()).collect();
        for kind in KINDS {
            explore(kind, &steps);
        }
    });
}

fn explore(kind: Kind, steps: &[Steps]) {
    let limit = scale(60_000);
    let (orders, all) = every_order(limit, &|| format!("{kind:?}: {steps:?}"), &|| play(kind, steps));
    assert!(orders > 1, "there is but one order of {steps:?}");
    assert!(all || scale(1_000) < 1_000, "more than {limit} orders of {steps:?} on {kind:?}");
}

#[test]
fn a_send_and_a_receive() {
    in_every_order(&[&[Send(Forever), Send(Forever)], &[Receive(Forever), Receive(Forever)]]);
}

#[test]
fn two_senders_and_a_receiver() {
    in_every_order(&[&[Send(Forever)], &[Send(Forever)], &[Receive(Forever), Receive(Forever)]]);
}

#[test]
fn a_receiver_is_killed() {
    in_every_order(&[&[Send(Forever)], &[Receive(Forever)], &[Kill(1)]]);
}

#[test]
fn a_receiver_is_killed_and_another_one_waits() {
    in_every_order(&[&[Send(Forever)], &[Receive(Forever)], &[Receive(Forever)], &[Kill(1)]]);
}

#[test]
fn a_sender_is_killed() {
    in_every_order(&[&[Send(Forever)], &[Receive(Forever)], &[Kill(0)]]);
}

#[test]
fn a_sender_is_killed_and_another_one_waits() {
    in_every_order(&[&[Send(Forever)], &[Send(Forever)], &[Receive(Forever)], &[Kill(0)]]);
}

#[test]
fn a_receiver_gives_up() {
    in_every_order(&[&[Send(Forever)], &[Receive(Timeout(MS))], &[Pass]]);
}

#[test]
fn a_sender_gives_up() {
    in_every_order(&[&[Send(Timeout(MS))], &[Receive(Forever)], &[Pass]]);
}

#[test]
fn both_give_up() {
    in_every_order(&[&[Send(Timeout(MS))], &[Receive(Timeout(MS))], &[Pass]]);
}

#[test]
fn a_receiver_gives_up_and_is_killed() {
    in_every_order(&[&[Send(Forever)], &[Receive(Timeout(MS))], &[Pass], &[Kill(1)]]);
}

#[test]
fn a_sender_gives_up_and_is_killed() {
    in_every_order(&[&[Send(Timeout(MS))], &[Receive(Forever)], &[Pass], &[Kill(0)]]);
}

#[test]
fn nobody_waits() {
    in_every_order(&[&[Send(Try), Send(Try)], &[Receive(Try), Receive(Try)], &[Receive(Forever)]]);
}

#[test]
fn a_sender_goes_away() {
    in_every_order(&[&[Send(Forever), Yield], &[Receive(Forever), Receive(Forever)], &[Yield]]);
}

#[test]
fn a_third_receiver_is_served_by_who_was_killed() {
    in_every_order(&[&[Send(Forever), Send(Forever)], &[Receive(Forever)], &[Receive(Forever)], &[Kill(1)]]);
}
