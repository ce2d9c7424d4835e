//! What tasklets do with descriptors.

/// What a tasklet wants a descriptor to be ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// What is done, by its name in reports and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Accept,
    AwaitService,
    Connect,
    Peek,
    Read,
    Readable,
    Receive,
    Send,
    Serve,
    Writable,
    Write,
}

impl Operation {
    #[inline]
    pub(crate) fn direction(self) -> Direction {
        match self {
            Operation::Connect | Operation::Send | Operation::Writable | Operation::Write => Direction::Write,
            Operation::Accept
            | Operation::AwaitService
            | Operation::Peek
            | Operation::Read
            | Operation::Readable
            | Operation::Receive
            | Operation::Serve => Direction::Read,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Accept => "accept",
            Operation::AwaitService => "wait to be served",
            Operation::Connect => "connect",
            Operation::Peek => "peek",
            Operation::Read => "read",
            Operation::Readable => "readable",
            Operation::Receive => "receive",
            Operation::Send => "send",
            Operation::Serve => "serve",
            Operation::Writable => "writable",
            Operation::Write => "write",
        }
    }
}
