//! Skynet: a tree of tasks, ten children each, whose million leaves send their numbers up.

use std::time::Instant;

use super::{Channels, Place};
use crate::measure::print;

const LEAVES: usize = 1_000_000;
const CHILDREN: usize = 10;

/// In what order a node of the tree lets its children run.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// All are spawned, then all are received from.
    Breadth,
    /// One is spawned and received from before the next one is spawned.
    Path,
}

/// Cold, one pass, over channels of a capacity.
pub(crate) fn skynet<P: Place + Default, C: Channels>(name: &str, capacity: usize, order: Order) {
    let place = P::default();
    let (sum, took) = place.enter(async move {
        let start = Instant::now();
        let (up, mut root) = C::channel(capacity);
        spawn_node::<P, C>(place, up, 0, LEAVES, capacity, order);
        (C::receive(&mut root).await, start.elapsed())
    });
    assert_eq!(sum, Some(LEAVES * (LEAVES - 1) / 2));
    print(name, took.as_secs_f64() * 1e3, "ms");
}

fn spawn_node<P: Place, C: Channels>(
    place: P,
    up: C::Sender,
    first: usize,
    leaves: usize,
    capacity: usize,
    order: Order,
) {
    // Of their own kinds, so that a leaf's future is no larger than it has to be.
    if leaves == 1 {
        place.spawn(async move { assert!(C::send(&up, first).await) });
        return;
    }
    place.spawn(async move {
        let (child, mut here) = C::channel(capacity);
        let each = leaves / CHILDREN;
        let spawn = |number: usize| {
            spawn_node::<P, C>(place, child.clone(), first + number * each, each, capacity, order);
        };
        if matches!(order, Order::Breadth) {
            (0..CHILDREN).for_each(spawn);
        }
        let mut sum = 0;
        for number in 0..CHILDREN {
            if matches!(order, Order::Path) {
                spawn(number);
            }
            sum += C::receive(&mut here).await.expect("a child");
        }
        assert!(C::send(&up, sum).await);
    });
}
