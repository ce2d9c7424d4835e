//! What a server accepts connections from.

use std::fmt;
use std::io;

use sealed::{Called, Wanted};

use crate::core::Scheduler;
use crate::io::source::Endpoint;
use crate::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Listeners that a [`Server`](super::Server) serves: [`TcpListener`] and [`UnixListener`]. Other types cannot implement it.
pub trait Listen: sealed::Listener + fmt::Debug + 'static {
    /// A connection.
    type Stream: sealed::Connected + 'static;
    /// The address of a connection's other side.
    type Peer;

    /// The next connection, if there is one now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; those of the system.
    fn try_accept(&self) -> io::Result<(Self::Stream, Self::Peer)>;
}

/// What servers want of sockets, and nobody else can call.
pub(super) mod sealed {
    use std::io;

    use crate::core::Scheduler;
    use crate::io::source::Wish;
    use crate::io::turns::Who;

    pub trait Listener {
        fn name(&self) -> String;

        fn wait(&self, wish: Wanted) -> io::Result<()>;
    }

    pub trait Connected {
        /// Has somebody told when there may be something to read; its turn. None if there may be now.
        fn tell(&self, who: Called<'_>) -> io::Result<Option<u32>>;

        /// Whether the kernel says that there is nothing to read now.
        fn is_drained(&self) -> bool;
    }

    /// A wish, under a name that the trait can have.
    #[expect(missing_debug_implementations, reason = "only ours")]
    pub struct Wanted(pub(in super::super) Wish);

    /// Who is called.
    #[expect(missing_debug_implementations, reason = "only ours")]
    pub struct Called<'a>(pub(in super::super) &'a Scheduler, pub(in super::super) Who);
}

macro_rules! listen {
    ($listener:ty, $stream:ty, $peer:ty) => {
        impl Listen for $listener {
            type Stream = $stream;
            type Peer = $peer;

            fn try_accept(&self) -> io::Result<($stream, $peer)> {
                <$listener>::try_accept(self)
            }
        }

        impl sealed::Listener for $listener {
            fn name(&self) -> String {
                Endpoint::describe(self.source.io())
            }

            fn wait(&self, Wanted(wish): Wanted) -> io::Result<()> {
                self.source.wait(wish)
            }
        }

        impl sealed::Connected for $stream {
            #[inline]
            fn tell(&self, Called(scheduler, who): Called<'_>) -> io::Result<Option<u32>> {
                self.source.tell_when_readable(scheduler, who)
            }

            fn is_drained(&self) -> bool {
                let mut byte = [std::mem::MaybeUninit::uninit()];
                let peeked = socket2::SockRef::from(self).peek(&mut byte);
                let drained = matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
                if drained {
                    self.source.nothing_to_read(&Scheduler::local());
                }
                drained
            }
        }
    };
}

listen!(TcpListener, TcpStream, std::net::SocketAddr);
listen!(UnixListener, UnixStream, std::os::unix::net::SocketAddr);
