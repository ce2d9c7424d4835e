//! Serving until one is asked to stop, and ending in an orderly way.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::{
    AnyTasklet, Builder, GreenletExit, JoinError, Receiver, Sender, Tasklet, TaskletExit, bounded, now, rendezvous,
    select,
};

/// What ends the idling of a connection.
struct Stop;

/// What takes in the connections of a [`graceful`] server. A clone is another handle of the same one.
#[derive(Clone)]
pub struct Acceptor {
    state: Rc<State>,
}

struct State {
    stopping: Cell<bool>,
    /// By the order in which they came.
    connections: RefCell<BTreeMap<u64, Open>>,
    spawned: Cell<u64>,
    served: Cell<u64>,
    panicked: Cell<u64>,
    /// Told when the last connection ends.
    empty: Sender<()>,
}

struct Open {
    tasklet: AnyTasklet,
    idle: Rc<Cell<bool>>,
}

/// A connection as its own tasklet sees it.
pub struct Connection {
    state: Rc<State>,
    number: u64,
    idle: Rc<Cell<bool>>,
}

/// How a server has ended; see [`graceful`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Drained<R> {
    /// What accepting returned, if it ended before it was asked to.
    pub result: Option<R>,
    /// How many connections have ended by themselves.
    pub served: u64,
    /// How many have panicked; the panic hook was told of each.
    pub panicked: u64,
    /// How many were killed when the time of grace was over.
    pub killed: u64,
    /// How many have caught that, and live on.
    pub refused: u64,
    /// Whether a second request to stop has ended the time of grace.
    pub hurried: bool,
}

impl<R> fmt::Display for Drained<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drained { served, panicked, killed, refused, hurried, .. } = self;
        write!(f, "{served} connections served")?;
        for (count, what) in [(panicked, "panicked"), (killed, "killed"), (refused, "would not be killed")] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        if *hurried { f.write_str(", in a hurry") } else { Ok(()) }
    }
}

/// Serves until something comes on `stop`, as from [`terminated`](crate::signal::terminated), and ends in an orderly way.
///
/// `accept` runs in a tasklet of its own, and spawns a tasklet for each connection; [`Acceptor::accept`] does both. When `stop` has a message, or
/// its senders are gone, that tasklet is killed, so that the listener which it owns is closed. Connections in [`idle`](Connection::idle) end
/// then, and the others may go on for the time of `grace`; a second message ends that time. What is left is killed: it unwinds, and
/// its destructors run. If `accept` returns by itself, the end is the same.
///
/// A connection that panics ends alone.
///
/// # Panics
///
/// With what `accept` panics with, after killing the connections. Unwinds with what is thrown into the caller meanwhile, likewise.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::time::Duration;
/// use tasklets::net::{TcpListener, TcpStream};
/// use tasklets::server::graceful;
/// use tasklets::{bounded, spawn};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let (stop, stopped) = bounded(1); // a program takes `signal::terminated()?`
/// spawn(move || {
///     let mut stream = TcpStream::connect(address).unwrap();
///     stream.write_all(b"hello").unwrap();
///     stream.read_exact(&mut [0; 5]).unwrap();
///     stop.send(()).unwrap(); // while the connection is open still
///     assert_eq!(stream.read(&mut [0; 5]).unwrap(), 0);
/// });
/// let end = graceful(&stopped, Duration::from_secs(10), move |server| {
///     server.accept(|| listener.accept(), |(mut stream, _), connection| {
///         let mut buffer = [0; 1024];
///         // Nothing is lost if it ends while it waits for a request.
///         while let Some(Ok(got @ 1..)) = connection.idle(|| stream.read(&mut buffer)) {
///             stream.write_all(&buffer[..got]).unwrap();
///         }
///     })
/// });
/// assert_eq!(end.to_string(), "1 connections served");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn graceful<T: 'static, R: 'static>(
    stop: &Receiver<T>,
    grace: Duration,
    accept: impl FnOnce(&Acceptor) -> R + 'static,
) -> Drained<R> {
    let (empty, is_empty) = bounded(1);
    let (ended, has_ended) = rendezvous::<()>();
    let server = Acceptor::new(empty);
    let inner = server.clone();
    let accepting = Builder::new().name("accept").spawn(move || {
        let _ended = ended;
        accept(&inner)
    });
    let alive = Alive { server: &server, accepting: &accepting };
    select! {
        recv(stop) -> _ => {},
        recv(has_ended) -> _ => {},
    }
    let result = alive.stop_accepting();
    server.stop();
    let deadline = now().checked_add(grace);
    let hurried = server.wait_for_the_last(stop, &is_empty, deadline);
    let (killed, refused) = server.kill_all();
    let (served, panicked) = (server.state.served.get(), server.state.panicked.get());
    Drained { result, served, panicked, killed, refused, hurried }
}

/// Kills what still lives when it is dropped, because the caller unwinds.
struct Alive<'a, R: 'static> {
    server: &'a Acceptor,
    accepting: &'a Tasklet<R>,
}

impl<R: 'static> Alive<'_, R> {
    /// Ends the tasklet that accepts; what it returned, if it had ended.
    fn stop_accepting(&self) -> Option<R> {
        if self.accepting.is_alive() {
            // Refused where a panic aborts: no more are spawned then, as the server is stopping.
            let _ = self.accepting.kill();
        }
        if self.accepting.is_alive() {
            return None;
        }
        match self.accepting.join() {
            Ok(result) => Some(result),
            Err(JoinError::Panicked(payload)) => resume_unwind(payload),
            Err(_) => None,
        }
    }
}

impl<R: 'static> Drop for Alive<'_, R> {
    fn drop(&mut self) {
        let _ = self.accepting.kill();
        self.server.kill_all();
    }
}

impl Acceptor {
    fn new(empty: Sender<()>) -> Acceptor {
        let state = State {
            stopping: Cell::new(false),
            connections: RefCell::default(),
            spawned: Cell::new(0),
            served: Cell::new(0),
            panicked: Cell::new(0),
            empty,
        };
        Acceptor { state: Rc::new(state) }
    }

    /// Runs something in a tasklet of its own, which the server's end waits for. If the server is stopping, it is dropped at once.
    pub fn spawn(&self, serve: impl FnOnce(&Connection) + 'static) {
        self.spawn_by(Builder::new(), serve);
    }

    /// [`spawn`](Acceptor::spawn) with a name or a stack size.
    pub fn spawn_by(&self, builder: Builder, serve: impl FnOnce(&Connection) + 'static) {
        let state = self.state.clone();
        if state.stopping.get() {
            return;
        }
        let number = state.spawned.get();
        state.spawned.set(number + 1);
        let connection = Connection { state: state.clone(), number, idle: Rc::default() };
        let idle = connection.idle.clone();
        let tasklet = builder.spawn(move || connection.run(serve)).detach();
        state.connections.borrow_mut().insert(number, Open { tasklet, idle });
    }

    /// Whether it was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.state.stopping.get()
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.state.connections.borrow().len()
    }

    fn stop(&self) {
        self.state.stopping.set(true);
        let idle: Vec<AnyTasklet> = {
            let connections = self.state.connections.borrow();
            connections.values().filter(|open| open.idle.get()).map(|open| open.tasklet.clone()).collect()
        };
        for tasklet in idle {
            // Refused where a panic aborts: it has the time of grace then.
            let _ = tasklet.throw_pending(Stop);
        }
    }

    /// Waits until no connection is left, or the time is up; whether it was ended by another request to stop.
    fn wait_for_the_last<T: 'static>(
        &self,
        stop: &Receiver<T>,
        is_empty: &Receiver<()>,
        deadline: Option<Instant>,
    ) -> bool {
        // In a century, if at all.
        let far = || now() + Duration::from_secs(1 << 31);
        let deadline = deadline.unwrap_or_else(far);
        while self.connections() > 0 {
            let asked = select! {
                recv(is_empty) -> _ => continue,
                recv(stop) -> asked => asked,
                at(deadline) => return false,
            };
            if asked.is_ok() {
                return true;
            }
            // Nobody can ask any more.
            if is_empty.recv_deadline(deadline).is_err() {
                return false;
            }
        }
        false
    }

    /// Kills the connections that are left: how many, and how many more have refused.
    fn kill_all(&self) -> (u64, u64) {
        self.state.stopping.set(true);
        let left = std::mem::take(&mut *self.state.connections.borrow_mut());
        let (mut killed, mut refused) = (0, 0);
        for open in left.into_values() {
            let killing = open.tasklet.kill();
            let count = if killing.is_ok() && !open.tasklet.is_alive() { &mut killed } else { &mut refused };
            *count += 1;
        }
        (killed, refused)
    }
}

impl Connection {
    fn run(self, serve: impl FnOnce(&Connection)) {
        match catch_unwind(AssertUnwindSafe(|| serve(&self))) {
            Ok(()) => self.state.served.set(self.state.served.get() + 1),
            Err(payload) if payload.is::<TaskletExit>() || payload.is::<GreenletExit>() => resume_unwind(payload),
            Err(_) => self.state.panicked.set(self.state.panicked.get() + 1),
        }
    }

    /// Does what may be broken off at any moment without loss, as waiting for the next request. `None` if the server stops meanwhile, or was
    /// stopping before.
    ///
    /// What is broken off unwinds.
    ///
    /// # Panics
    ///
    /// With what `wait` panics with, and it unwinds with what is thrown into the caller.
    pub fn idle<R>(&self, wait: impl FnOnce() -> R) -> Option<R> {
        if self.is_stopping() {
            return None;
        }
        self.idle.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(wait));
        self.idle.set(false);
        match outcome {
            Ok(result) => Some(result),
            Err(payload) if payload.is::<Stop>() => None,
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Whether the server was asked to stop: what is asked of this connection last, should be answered, and no more.
    pub fn is_stopping(&self) -> bool {
        self.state.stopping.get()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The handle may be the last one, and runs no code under the borrow.
        let open = self.state.connections.borrow_mut().remove(&self.number);
        drop(open);
        if self.state.stopping.get() && self.state.connections.borrow().is_empty() {
            // Full if it was told already.
            let _ = self.state.empty.try_send(());
        }
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connections, stopping) = (self.connections(), self.is_stopping());
        f.debug_struct("Acceptor").field("connections", &connections).field("stopping", &stopping).finish()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("number", &self.number).field("idle", &self.idle.get()).finish()
    }
}
