//! kanal's channels with tasks of async-executor: capacity 0 is a rendezvous, where a send that has returned was received.

use futures_lite::Stream;

use crate::Workload;
use crate::futures::tree::{Order, skynet};
use crate::futures::{Channels, many, pair};
use crate::on_async_executor::{Local, Two};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("pingpong", pair::pingpong::<Local, Kanal>),
    ("ring", many::ring::<Local, Kanal>),
    ("sieve", many::sieve::<Local, Kanal>),
    ("fanin", many::fanin::<Local, Kanal>),
    ("buffered", pair::buffered::<Local, Kanal>),
    ("select", many::select::<Local, Kanal>),
    ("skynet1", |name| skynet::<Local, Kanal>(name, 0, Order::Breadth)),
    ("skynet1-buf10", |name| skynet::<Local, Kanal>(name, 10, Order::Breadth)),
    ("pingpong-2w", pair::pingpong::<Two, Kanal>),
    ("buffered-2w", pair::buffered::<Two, Kanal>),
    ("skynet2", |name| skynet::<Two, Kanal>(name, 0, Order::Breadth)),
    ("skynet2-buf10", |name| skynet::<Two, Kanal>(name, 10, Order::Breadth)),
    ("pingpong-x", pair::pingpong_apart::<Local, Kanal>),
    ("buffered-x", pair::buffered_apart::<Local, Kanal>),
];

pub(crate) struct Kanal;

impl Channels for Kanal {
    type Sender = kanal::AsyncSender<usize>;
    type Receiver = kanal::AsyncReceiver<usize>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        kanal::bounded_async(capacity)
    }

    async fn send(sender: &Self::Sender, value: usize) -> bool {
        sender.send(value).await.is_ok()
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<usize> {
        receiver.recv().await.ok()
    }

    fn stream(receiver: &mut Self::Receiver) -> impl Stream<Item = usize> + Send + Unpin {
        receiver.stream()
    }
}
