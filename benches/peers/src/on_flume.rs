//! flume's channels with tasks of async-executor: capacity 0 is a rendezvous.

use futures_lite::Stream;

use crate::Workload;
use crate::futures::tree::{Order, skynet};
use crate::futures::{Channels, many, pair};
use crate::on_async_executor::{Local, Two};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("pingpong", pair::pingpong::<Local, Flume>),
    ("ring", many::ring::<Local, Flume>),
    ("sieve", many::sieve::<Local, Flume>),
    ("fanin", many::fanin::<Local, Flume>),
    ("buffered", pair::buffered::<Local, Flume>),
    ("select", many::select::<Local, Flume>),
    ("skynet1", |name| skynet::<Local, Flume>(name, 0, Order::Breadth)),
    ("skynet1-buf10", |name| skynet::<Local, Flume>(name, 10, Order::Breadth)),
    ("pingpong-2w", pair::pingpong::<Two, Flume>),
    ("buffered-2w", pair::buffered::<Two, Flume>),
    ("skynet2", |name| skynet::<Two, Flume>(name, 0, Order::Breadth)),
    ("skynet2-buf10", |name| skynet::<Two, Flume>(name, 10, Order::Breadth)),
    ("pingpong-x", pair::pingpong_apart::<Local, Flume>),
    ("buffered-x", pair::buffered_apart::<Local, Flume>),
];

pub(crate) struct Flume;

impl Channels for Flume {
    type Sender = flume::Sender<usize>;
    type Receiver = flume::Receiver<usize>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        flume::bounded(capacity)
    }

    async fn send(sender: &Self::Sender, value: usize) -> bool {
        sender.send_async(value).await.is_ok()
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<usize> {
        receiver.recv_async().await.ok()
    }

    fn stream(receiver: &mut Self::Receiver) -> impl Stream<Item = usize> + Send + Unpin {
        receiver.stream()
    }
}
