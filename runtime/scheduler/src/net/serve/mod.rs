//! Serving connections that need no stack while they wait.

mod connections;
mod listen;
mod stop;
mod work;

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::remedy::AcceptRemedy;
use super::tcp_listener::{BACKLOG, TcpListener};
use crate::core::Scheduler;
use crate::io::operation::Operation;
use crate::io::source::Wish;
use crate::seams::clock;
use connections::Connections;
pub use listen::Listen;
use listen::sealed::Wanted;
use stop::Stop;
pub use stop::Stopper;
use work::Each;

/// What becomes of a connection when its closure has returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It waits until there is something more to read.
    Wait,
    /// It is closed.
    Close,
}

/// Serves a listener for ever: see [`Server::serve`].
///
/// # Errors
///
/// As [`Server::serve`].
///
/// # Panics
///
/// As [`Server::serve`].
#[track_caller]
pub fn serve<L: Listen>(listener: L, each: impl Fn(&L::Stream) -> io::Result<Next> + 'static) -> io::Result<Served> {
    Server::new(listener).serve(each)
}

/// Serves the connections of a listener: each time one has something to read, a closure runs in a tasklet, and gives the stack back when it
/// returns.
///
/// The listener is a [`TcpListener`] or a [`UnixListener`](super::UnixListener). A connection that waits costs a record of about two hundred
/// bytes, and no stack. The closure is a plain function of the connection, which may block anywhere: the other connections go on meanwhile. It
/// is not called for a connection again before it has returned.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::time::Duration;
/// use tasklets_runtime::net::{Next, Server, TcpListener, TcpStream};
/// use tasklets_runtime::spawn;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let server = Server::new(listener).max_connections(1_000).idle_timeout(Duration::from_secs(60));
/// let stopper = server.stopper();
/// let server = spawn(move || {
///     server.serve(|mut stream: &TcpStream| {
///         let mut buffer = [0; 1024];
///         match stream.read(&mut buffer)? {
///             0 => Ok(Next::Close),
///             got => stream.write_all(&buffer[..got]).map(|()| Next::Wait),
///         }
///     })
/// });
/// let mut client = TcpStream::connect(address)?;
/// client.write_all(b"ping")?;
/// let mut answer = [0; 4];
/// client.read_exact(&mut answer)?;
/// assert_eq!(&answer, b"ping");
/// stopper.stop();
/// assert_eq!(server.join().unwrap()?.accepted, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Server<L = TcpListener> {
    listener: L,
    most: usize,
    idle: Option<Duration>,
    grace: Duration,
    stop: Stop,
    on_panic: Option<OnPanic>,
}

/// What is told that a closure has panicked.
type OnPanic = Box<dyn Fn(Panic)>;

/// What a closure has panicked with.
type Panic = Box<dyn Any + Send>;

/// What a server has done.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Served {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that were closed because they had been idle for too long.
    pub timed_out: u64,
    /// Connections whose closures were killed because they were not done when the grace was over.
    pub killed: u64,
    /// Connections whose closures have panicked.
    pub panicked: u64,
}

/// Connections that are accepted in a row, or fail to be, at most.
const ROW: usize = 64;

/// How long a server that is out of descriptors, or does not know what is wrong, waits until it tries again, if none of its connections is closed before.
const SHORTAGE: Duration = Duration::from_millis(100);

impl<L: Listen> Server<L> {
    /// Serves the connections of a listener, with no limits, and a grace of ten seconds.
    pub fn new(listener: L) -> Server<L> {
        let (idle, grace) = (None, Duration::from_secs(10));
        Server { listener, most: usize::MAX, idle, grace, stop: Stop::default(), on_panic: None }
    }

    /// No more connections than this at once: others wait to be accepted.
    #[must_use]
    pub fn max_connections(mut self, most: usize) -> Server<L> {
        self.most = most.max(1);
        self
    }

    /// Closes a connection that has waited for so long for something to read, give or take a quarter.
    #[must_use]
    pub fn idle_timeout(mut self, time: Duration) -> Server<L> {
        self.idle = Some(time);
        self
    }

    /// How long those that are being served when the server stops have to come to an end. Then their tasklets are killed.
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Server<L> {
        self.grace = time;
        self
    }

    /// Gives what `each` panics with to this closure, in the tasklet that served the connection, after that was closed. If it panics itself, that
    /// goes where it would have gone without it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use tasklets_runtime::net::{Server, TcpListener, TcpStream};
    /// use tasklets_runtime::spawn;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let server = Server::new(listener).on_panic(|payload| assert!(payload.is::<&str>()));
    /// let stopper = server.stopper();
    /// spawn(move || {
    ///     let mut client = TcpStream::connect(address).unwrap();
    ///     client.write_all(b"?").unwrap();
    ///     assert_eq!(client.read(&mut [0]).unwrap(), 0); // it was closed
    ///     stopper.stop();
    /// });
    /// let served = server.serve(|mut stream: &TcpStream| {
    ///     stream.read(&mut [0])?;
    ///     std::panic::resume_unwind(Box::new("no such answer"))
    /// })?;
    /// assert_eq!((served.accepted, served.panicked), (1, 1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn on_panic(mut self, told: impl Fn(Box<dyn Any + Send>) + 'static) -> Server<L> {
        self.on_panic = Some(Box::new(told));
        self
    }

    /// What stops the server, from any thread.
    pub fn stopper(&self) -> Stopper {
        self.stop.stopper()
    }

    /// Serves until it is stopped; the caller waits meanwhile. `each` is called in a tasklet of its own whenever a connection has something
    /// to read, or is at its end; an error of it closes the connection, and nobody is told.
    ///
    /// Being out of descriptors ends nothing: accepting goes on when one is free. So it does after errors of a connection, and such as may pass:
    /// see [`AcceptRemedy`].
    ///
    /// # Errors
    ///
    /// Those of the listener; [`WaitError`](crate::io::WaitError). The connections are closed then as if it had been stopped.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile. What `each` panics with closes the connection, and goes to
    /// [`on_panic`](Server::on_panic); without that, where a tasklet's panic goes of which nobody has a handle:
    /// to the [error handler](crate::set_error_handler), or else it is raised in the innermost [`run`](crate::run()) or in main.
    #[track_caller]
    pub fn serve(self, each: impl Fn(&L::Stream) -> io::Result<Next> + 'static) -> io::Result<Served> {
        self.serve_with(|_, _| Ok(()), move |stream, ()| each(stream))
    }

    /// [`serve`](Server::serve), with something that is kept for each connection: `greet` makes it when the connection has been accepted, or
    /// refuses it by an error, and must not wait.
    ///
    /// # Errors
    ///
    /// As [`serve`](Server::serve).
    ///
    /// # Panics
    ///
    /// As [`serve`](Server::serve).
    #[track_caller]
    pub fn serve_with<S: 'static>(
        self,
        greet: impl Fn(&L::Stream, L::Peer) -> io::Result<S>,
        each: impl Fn(&L::Stream, &mut S) -> io::Result<Next> + 'static,
    ) -> io::Result<Served> {
        let at = Location::caller();
        let scheduler = Scheduler::local();
        let Server { listener, most, idle, grace, stop, on_panic } = self;
        let each: Each<L::Stream, S> = Each { serve: Box::new(each), on_panic };
        let on = format!("connections of {}", listener.name());
        let connections = Connections::new(each, on, scheduler.current_id());
        let serving = Serving { scheduler, connections, stop, at };
        serving.stop.is_served_by(&serving.scheduler);
        let served = serving.accept_all(&listener, most, idle, &greet);
        serving.accept_last(&listener, most, &greet);
        // Nobody is to connect who is not served.
        drop(listener);
        let finished = serving.finish(grace);
        served.and(finished)?;
        Ok(serving.connections.served())
    }
}

impl<L: fmt::Debug> fmt::Debug for Server<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Server { listener, most, idle, grace, .. } = self;
        f.debug_struct("Server")
            .field("listener", listener)
            .field("max_connections", most)
            .field("idle_timeout", idle)
            .field("grace", grace)
            .finish()
    }
}

/// A server at work. If it is killed, those connections that wait are closed, and the others when their closures return.
struct Serving<L: Listen, S: 'static> {
    scheduler: Scheduler,
    connections: Rc<Connections<L::Stream, S>>,
    stop: Stop,
    at: &'static Location<'static>,
}

impl<L: Listen, S> Drop for Serving<L, S> {
    fn drop(&mut self) {
        self.connections.close_all(&self.scheduler);
    }
}

impl<L: Listen, S> Serving<L, S> {
    fn accept_all(
        &self,
        listener: &L,
        most: usize,
        idle: Option<Duration>,
        greet: &impl Fn(&L::Stream, L::Peer) -> io::Result<S>,
    ) -> io::Result<()> {
        let quarter = idle.map(|idle| (idle / 4).max(Duration::from_millis(1)));
        let mut sweep = quarter.and_then(|quarter| clock::deadline(&self.scheduler, quarter));
        let mut row = 0;
        while !self.stop.is_asked_for() {
            if sweep.is_some_and(|sweep| sweep <= self.scheduler.core.clock.now()) {
                self.connections.sweep(&self.scheduler);
                sweep = quarter.and_then(|quarter| clock::deadline(&self.scheduler, quarter));
            }
            if self.connections.len() >= most {
                self.connections.doze(&self.scheduler, sweep, self.at)?;
                continue;
            }
            match listener.try_accept() {
                Ok((stream, peer)) => self.admit(stream, peer, greet),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    row = 0;
                    self.wait_for_one(listener, sweep)?;
                    continue;
                }
                Err(error) => match AcceptRemedy::of(&error) {
                    AcceptRemedy::Again => {}
                    AcceptRemedy::Later => {
                        let again = clock::deadline(&self.scheduler, SHORTAGE);
                        let again = [again, sweep].into_iter().flatten().min();
                        self.connections.doze(&self.scheduler, again, self.at)?;
                    }
                    AcceptRemedy::Never => return Err(error),
                },
            }
            row += 1;
            if row == ROW {
                row = 0;
                let _ = crate::schedule();
            }
        }
        Ok(())
    }

    /// Accepts those who have connected before the server was stopped: they may have asked for something. No more of them than can have waited.
    fn accept_last(&self, listener: &L, most: usize, greet: &impl Fn(&L::Stream, L::Peer) -> io::Result<S>) {
        for _ in 0..BACKLOG {
            if self.stop.is_hurried() || self.connections.len() >= most {
                break;
            }
            let Ok((stream, peer)) = listener.try_accept() else { break };
            self.admit(stream, peer, greet);
        }
    }

    fn admit(&self, stream: L::Stream, peer: L::Peer, greet: &impl Fn(&L::Stream, L::Peer) -> io::Result<S>) {
        if let Ok(state) = greet(&stream, peer) {
            self.connections.admit(&self.scheduler, stream, state);
        }
    }

    /// Waits until there may be a connection to accept, or for no reason.
    fn wait_for_one(&self, listener: &L, until: Option<Instant>) -> io::Result<()> {
        let wish = Wish { at: self.at, ..Wish::new(Operation::Serve) };
        match listener.wait(Wanted(wish.until(until))) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(()),
            other => other,
        }
    }

    /// Lets those come to an end that are being served, and closes the others.
    fn finish(&self, grace: Duration) -> io::Result<()> {
        self.connections.close_idle(&self.scheduler);
        let end = clock::deadline(&self.scheduler, grace);
        while self.connections.len() != 0 {
            if self.stop.is_hurried() || end.is_some_and(|end| end <= self.scheduler.core.clock.now()) {
                self.connections.kill_all(&self.scheduler);
                break;
            }
            self.connections.doze(&self.scheduler, end, self.at)?;
        }
        Ok(())
    }
}
