//! Every kind of channel behind one face.

use std::time::Duration;

use tasklets::{Channel, Reason, ReceiveError, Receiver, Sender, bounded, rendezvous, unbounded};

use crate::ledger::Token;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Rendezvous,
    Bounded(usize),
    Unbounded,
}

pub(crate) const KINDS: [Kind; 5] =
    [Kind::Channel, Kind::Rendezvous, Kind::Bounded(1), Kind::Bounded(2), Kind::Unbounded];

/// How long an operation waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Try,
    Forever,
    Timeout(Duration),
}

/// A handle of both ends.
pub(crate) enum Pipe {
    Local(Channel<Token>),
    Shared(Option<Sender<Token>>, Option<Receiver<Token>>),
}

impl Kind {
    pub(crate) fn make(self) -> Pipe {
        let (sender, receiver) = match self {
            Kind::Channel => return Pipe::Local(Channel::new()),
            Kind::Rendezvous => rendezvous(),
            Kind::Bounded(capacity) => bounded(capacity),
            Kind::Unbounded => unbounded(),
        };
        Pipe::Shared(Some(sender), Some(receiver))
    }
}

impl Pipe {
    /// A handle of the sending side alone, as far as the kind has sides.
    pub(crate) fn sending(&self) -> Pipe {
        match self {
            Pipe::Local(channel) => Pipe::Local(channel.clone()),
            Pipe::Shared(sender, _) => Pipe::Shared(sender.clone(), None),
        }
    }

    pub(crate) fn receiving(&self) -> Pipe {
        match self {
            Pipe::Local(channel) => Pipe::Local(channel.clone()),
            Pipe::Shared(_, receiver) => Pipe::Shared(None, receiver.clone()),
        }
    }

    /// Sends; the value comes back with the reason if it was not sent.
    pub(crate) fn send(&self, token: Token, patience: Patience) -> Result<(), (Token, Reason)> {
        let result = match (self, patience) {
            (Pipe::Local(channel), Patience::Try) => channel.try_send(token),
            (Pipe::Local(channel), Patience::Forever) => channel.send(token),
            (Pipe::Local(channel), Patience::Timeout(time)) => channel.send_timeout(token, time),
            (Pipe::Shared(sender, _), patience) => {
                let sender = sender.as_ref().unwrap();
                match patience {
                    Patience::Try => sender.try_send(token),
                    Patience::Forever => sender.send(token),
                    Patience::Timeout(time) => sender.send_timeout(token, time),
                }
            }
        };
        result.map_err(|error| (error.value, error.reason))
    }

    pub(crate) fn receive(&self, patience: Patience) -> Result<Token, Reason> {
        match (self, patience) {
            (Pipe::Local(channel), patience) => match patience {
                Patience::Try => channel.try_receive(),
                Patience::Forever => channel.receive(),
                Patience::Timeout(time) => channel.receive_timeout(time),
            }
            .map_err(|error| match error {
                ReceiveError::Failed(failed) => failed.reason,
                other => panic!("nobody sent {other}"),
            }),
            (Pipe::Shared(_, receiver), patience) => {
                let receiver = receiver.as_ref().unwrap();
                match patience {
                    Patience::Try => receiver.try_recv(),
                    Patience::Forever => receiver.recv(),
                    Patience::Timeout(time) => receiver.recv_timeout(time),
                }
                .map_err(|error| error.reason)
            }
        }
    }

    /// Lets those on the other side know that nothing comes any more.
    pub(crate) fn close(self) {
        if let Pipe::Local(channel) = self {
            channel.shutdown();
        }
    }
}
