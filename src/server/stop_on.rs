//! Stopping a server without stacks by messages, as a graceful one is.

use crate::net::Stopper;
use crate::{AnyTasklet, Builder, Receiver};

/// Has a [`net::Server`](crate::net::Server) end as [`graceful`](super::graceful) ends: when something comes on `stop`, as from
/// [`terminated`](crate::signal::terminated), or its senders are gone, it [stops](Stopper::stop): it accepts nobody any more, connections that wait are
/// closed, and the others have the server's grace. A second message [ends](Stopper::stop_now) the grace.
///
/// A tasklet of the calling thread waits for the messages, until what is returned is dropped.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use tasklets::net::{Next, Server, TcpListener, TcpStream};
/// use tasklets::server::stop_on;
/// use tasklets::{bounded, spawn};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let (stop, stopped) = bounded(1); // a program takes `signal::terminated()?`
/// spawn(move || {
///     let mut stream = TcpStream::connect(address).unwrap();
///     stream.write_all(b"hello").unwrap();
///     stream.read_exact(&mut [0; 5]).unwrap();
///     stop.send(()).unwrap();
///     assert_eq!(stream.read(&mut [0; 5]).unwrap(), 0); // it waited, and was closed
/// });
/// let server = Server::new(listener);
/// let _stopping = stop_on(stopped, server.stopper());
/// let served = server.serve(|mut stream: &TcpStream| {
///     let mut buffer = [0; 1024];
///     match stream.read(&mut buffer)? {
///         0 => Ok(Next::Close),
///         got => stream.write_all(&buffer[..got]).map(|()| Next::Wait),
///     }
/// })?;
/// assert_eq!((served.accepted, served.killed), (1, 0));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn stop_on<T: 'static>(stop: Receiver<T>, stopper: Stopper) -> StopOn {
    let watch = move || {
        let asked = stop.recv();
        stopper.stop();
        // Where nobody can ask again, the grace lasts as long as it does.
        if asked.is_ok() && stop.recv().is_ok() {
            stopper.stop_now();
        }
    };
    StopOn { watching: Builder::new().name("stop").spawn(watch).detach() }
}

/// What waits for the messages that stop a server; see [`stop_on`]. No longer than this lives.
#[derive(Debug)]
#[must_use = "it stops nobody once it is dropped"]
pub struct StopOn {
    watching: AnyTasklet,
}

impl Drop for StopOn {
    fn drop(&mut self) {
        // Refused where a panic aborts: it waits on then, and finds nothing to stop.
        let _ = self.watching.kill();
    }
}
