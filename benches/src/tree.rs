//! Skynet: a tree of tasklets, ten children each, whose million leaves send their numbers up through rendezvous channels.

use tasklets::{Builder, Channel, Preference, Tasklet, run, spawn};

use crate::measure::{print, time};

pub(crate) const LEAVES: usize = 1_000_000;
pub(crate) const CHILDREN: usize = 10;

/// In what order a node lets its children run.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// All are spawned paused, and one enters the ring whenever its parent is about to receive. It finds its parent waiting,
    /// so that it ends without having been suspended, and leaves a warm stack to the next one.
    Depth,
    /// The simplest program: all enter the ring when they are spawned, so that a level of the tree begins when the one above
    /// it has, and nine of ten leaves are suspended in their sends.
    Breadth,
    /// One is spawned and received from before the next one is spawned: the tree is never more than a path.
    Path,
}

/// Cold, one pass.
pub(crate) fn skynet(name: &str, order: Order) {
    let root = channel();
    let up = root.clone();
    let took = time(|| {
        spawn(move || node(&up, 0, LEAVES, order));
        assert_eq!(root.receive().expect("the root"), LEAVES * (LEAVES - 1) / 2);
        assert!(run().is_finished());
    });
    print(name, took.as_secs_f64() * 1e3, "ms");
}

/// A sender that finds its receiver waiting goes on, and thereby ends; preferring the receiver would suspend it first.
fn channel() -> Channel<usize> {
    let channel = Channel::new();
    channel.set_preference(Preference::Sender);
    channel
}

/// A node's work: to send up its number, if it is a leaf, or the sum of what its children send.
fn node(up: &Channel<usize>, first: usize, leaves: usize, order: Order) {
    if leaves == 1 {
        return up.send(first).expect("the parent");
    }
    let here = channel();
    let each = leaves / CHILDREN;
    let child = |number: usize| {
        let up = here.clone();
        move || node(&up, first + number * each, each, order)
    };
    let receive = |sum: usize| sum + here.receive().expect("a child");
    let sum = match order {
        Order::Depth => {
            let children: [Tasklet<()>; CHILDREN] = std::array::from_fn(|number| Builder::new().paused(child(number)));
            children.iter().fold(0, |sum, child| {
                child.insert().expect("a paused tasklet");
                receive(sum)
            })
        }
        Order::Breadth => {
            (0..CHILDREN).for_each(|number| drop(spawn(child(number))));
            (0..CHILDREN).fold(0, |sum, _| receive(sum))
        }
        Order::Path => (0..CHILDREN).fold(0, |sum, number| {
            spawn(child(number));
            receive(sum)
        }),
    };
    up.send(sum).expect("the parent");
}
