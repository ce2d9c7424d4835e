//! Every kind of channel behind one face.

use std::time::Duration;

use tasklets::{
    Channel, Reason, ReceiveError, Receiver, RecvError, SendError, Sender, bounded, rendezvous, select, unbounded,
};

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
            .map_err(Why::why),
            (Pipe::Shared(_, receiver), patience) => {
                let receiver = receiver.as_ref().unwrap();
                match patience {
                    Patience::Try => receiver.try_recv(),
                    Patience::Forever => receiver.recv(),
                    Patience::Timeout(time) => receiver.recv_timeout(time),
                }
                .map_err(Why::why)
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

/// Why a receive failed.
trait Why {
    fn why(self) -> Reason;
}

impl Why for ReceiveError {
    fn why(self) -> Reason {
        match self {
            ReceiveError::Failed(failed) => failed.reason,
            other => panic!("nobody sent {other}"),
        }
    }
}

impl Why for RecvError {
    fn why(self) -> Reason {
        self.reason
    }
}

/// What became of a select.
pub(crate) enum Selected {
    Received(Token),
    /// The number of the value.
    Sent(usize),
    NotSent(Token, Reason),
    Failed(Reason),
}

fn received(result: Result<Token, impl Why>) -> Selected {
    result.map_or_else(|error| Selected::Failed(error.why()), Selected::Received)
}

fn sent(number: usize, result: Result<(), SendError<Token>>) -> Selected {
    result.map_or_else(|error| Selected::NotSent(error.value, error.reason), |()| Selected::Sent(number))
}

/// A select with these arms, and one for its patience.
macro_rules! patiently {
    ($patience:expr, $($arms:tt)*) => {
        match $patience {
            Patience::Try => select! { $($arms)* default => Selected::Failed(Reason::WouldBlock) },
            Patience::Forever => select! { $($arms)* },
            Patience::Timeout(time) => select! { $($arms)* default(time) => Selected::Failed(Reason::TimedOut) },
        }
    };
}

/// Receives from whichever has something first.
pub(crate) fn receive_first(one: &Pipe, other: &Pipe, patience: Patience) -> Selected {
    macro_rules! of {
        ($one:expr, $other:expr) => {
            patiently!(patience, recv($one) -> value => received(value), recv($other) -> value => received(value),)
        };
    }
    match (one, other) {
        (Pipe::Local(one), Pipe::Local(other)) => of!(one, other),
        (Pipe::Local(one), Pipe::Shared(_, Some(other))) => of!(one, other),
        (Pipe::Shared(_, Some(one)), Pipe::Local(other)) => of!(one, other),
        (Pipe::Shared(_, Some(one)), Pipe::Shared(_, Some(other))) => of!(one, other),
        _ => panic!("no receiving side"),
    }
}

/// Sends to one or receives from the other, whatever is possible first.
pub(crate) fn send_or_receive(to: &Pipe, from: &Pipe, patience: Patience, make: impl Fn() -> Token) -> Selected {
    let number = std::cell::Cell::new(usize::MAX);
    let make = || {
        let token = make();
        number.set(token.number());
        token
    };
    macro_rules! of {
        ($to:expr, $from:expr) => {
            patiently!(
                patience,
                send($to, make()) -> result => sent(number.get(), result),
                recv($from) -> value => received(value),
            )
        };
    }
    match (to, from) {
        (Pipe::Local(to), Pipe::Local(from)) => of!(to, from),
        (Pipe::Local(to), Pipe::Shared(_, Some(from))) => of!(to, from),
        (Pipe::Shared(Some(to), _), Pipe::Local(from)) => of!(to, from),
        (Pipe::Shared(Some(to), _), Pipe::Shared(_, Some(from))) => of!(to, from),
        _ => panic!("no such side"),
    }
}
