//! All orders of small scenarios.

use crate::common::{checked, scale};
use crate::explore::every_order;
use crate::pipe::Patience::{Forever, Timeout, Try};
use crate::pipe::{KINDS, Kind};
use crate::scenario::Step::{Close, Kill, Pass, Receive, ReceiveFirst, Send, SendOrReceive, Yield};
use crate::scenario::{MS, Step, Steps, play};

/// Every order on every kind of channel.
fn in_every_order(tasklets: &'static [&'static [Step]]) {
    checked(move || KINDS.iter().for_each(|kind| explore([*kind, *kind], tasklets)));
}

/// Every order on every two kinds of channels.
fn on_two_channels(tasklets: &'static [&'static [Step]]) {
    let pairs = KINDS.iter().flat_map(|one| KINDS.iter().map(|other| [*one, *other]));
    checked(move || pairs.for_each(|kinds| explore(kinds, tasklets)));
}

/// Where `TEST_SCALE` is below 1, not all orders may be tried.
fn explore(kinds: [Kind; 2], tasklets: &[&[Step]]) {
    let steps: Vec<Steps> = tasklets.iter().map(|steps| steps.to_vec()).collect();
    let limit = if scale(1_000) < 1_000 { scale(2_000) } else { scale(60_000) };
    let (orders, all) = every_order(limit, &|| format!("{kinds:?}: {steps:?}"), &|| play(kinds, &steps));
    assert!(orders > 1 || limit == 1, "there is but one order of {steps:?}");
    assert!(all || scale(1_000) < 1_000, "more than {limit} orders of {steps:?} on {kinds:?}");
}

#[test]
fn a_send_and_a_receive() {
    in_every_order(&[&[Send(0, Forever), Send(0, Forever)], &[Receive(0, Forever), Receive(0, Forever)]]);
}

#[test]
fn two_senders_and_a_receiver() {
    in_every_order(&[&[Send(0, Forever)], &[Send(0, Forever)], &[Receive(0, Forever), Receive(0, Forever)]]);
}

#[test]
fn a_receiver_is_killed() {
    in_every_order(&[&[Send(0, Forever)], &[Receive(0, Forever)], &[Kill(1)]]);
}

#[test]
fn a_receiver_is_killed_and_another_one_waits() {
    in_every_order(&[&[Send(0, Forever)], &[Receive(0, Forever)], &[Receive(0, Forever)], &[Kill(1)]]);
}

#[test]
fn a_sender_is_killed() {
    in_every_order(&[&[Send(0, Forever)], &[Receive(0, Forever)], &[Kill(0)]]);
}

#[test]
fn a_sender_is_killed_and_another_one_waits() {
    in_every_order(&[&[Send(0, Forever)], &[Send(0, Forever)], &[Receive(0, Forever)], &[Kill(0)]]);
}

#[test]
fn a_receiver_gives_up() {
    in_every_order(&[&[Send(0, Forever)], &[Receive(0, Timeout(MS))], &[Pass]]);
}

#[test]
fn a_sender_gives_up() {
    in_every_order(&[&[Send(0, Timeout(MS))], &[Receive(0, Forever)], &[Pass]]);
}

#[test]
fn both_give_up() {
    in_every_order(&[&[Send(0, Timeout(MS))], &[Receive(0, Timeout(MS))], &[Pass]]);
}

#[test]
fn a_receiver_gives_up_and_is_killed() {
    in_every_order(&[&[Send(0, Forever)], &[Receive(0, Timeout(MS))], &[Pass], &[Kill(1)]]);
}

#[test]
fn a_sender_gives_up_and_is_killed() {
    in_every_order(&[&[Send(0, Timeout(MS))], &[Receive(0, Forever)], &[Pass], &[Kill(0)]]);
}

#[test]
fn nobody_waits() {
    in_every_order(&[&[Send(0, Try), Send(0, Try)], &[Receive(0, Try), Receive(0, Try)], &[Receive(0, Forever)]]);
}

#[test]
fn a_sender_goes_away() {
    in_every_order(&[&[Send(0, Forever), Yield], &[Receive(0, Forever), Receive(0, Forever)], &[Yield]]);
}

#[test]
fn a_third_receiver_is_served_by_who_was_killed() {
    in_every_order(&[
        &[Send(0, Forever), Send(0, Forever)],
        &[Receive(0, Forever)],
        &[Receive(0, Forever)],
        &[Kill(1)],
    ]);
}

#[test]
fn a_channel_is_closed() {
    in_every_order(&[&[Send(0, Forever), Close(0)], &[Receive(0, Forever), Receive(0, Forever)], &[Send(0, Forever)]]);
}

#[test]
fn a_receiver_closes() {
    in_every_order(&[&[Send(0, Forever), Send(0, Forever)], &[Receive(0, Forever), Close(0)], &[Receive(0, Try)]]);
}

#[test]
fn one_of_two_channels() {
    on_two_channels(&[&[ReceiveFirst(Forever), ReceiveFirst(Forever)], &[Send(0, Forever)], &[Send(1, Forever)]]);
}

#[test]
fn a_select_is_killed() {
    on_two_channels(&[&[ReceiveFirst(Forever)], &[Send(0, Forever)], &[Send(1, Forever)], &[Kill(0)]]);
}

#[test]
fn a_select_gives_up() {
    on_two_channels(&[&[ReceiveFirst(Timeout(MS))], &[Send(0, Forever)], &[Send(1, Try)], &[Pass]]);
}

#[test]
fn a_select_is_closed() {
    on_two_channels(&[&[ReceiveFirst(Forever), ReceiveFirst(Try)], &[Send(0, Forever), Close(0)], &[Close(1)]]);
}

#[test]
fn both_sides_are_selects() {
    on_two_channels(&[&[SendOrReceive(0, Forever)], &[SendOrReceive(1, Forever)], &[Yield]]);
}

#[test]
fn of_two_selects_one_is_killed() {
    on_two_channels(&[&[SendOrReceive(0, Forever)], &[SendOrReceive(1, Forever)], &[Kill(0)]]);
}

#[test]
fn of_two_selects_one_gives_up() {
    on_two_channels(&[&[SendOrReceive(0, Timeout(MS))], &[SendOrReceive(1, Forever)], &[Pass]]);
}

#[test]
fn a_select_that_sends_and_one_that_receives() {
    on_two_channels(&[&[SendOrReceive(0, Forever)], &[ReceiveFirst(Forever)], &[Send(1, Forever)], &[Kill(1)]]);
}
