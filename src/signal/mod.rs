//! Signals of the process as messages: Ctrl-C, and being asked to end.
//!
//! Each function gives a [`Receiver`]: to wait for with [`recv`](Receiver::recv), or beside others in a [`select!`](crate::select!). The
//! first call starts a thread that waits for signals and does nothing else; while nobody has called, nothing is there and nothing is
//! changed. A signal goes to every receiver that was asked for and still lives.
//!
//! A signal that somebody has asked for does not do any more what it usually does to a process; but one whose receivers are all dropped,
//! does it again. So a program that drops its receiver when it begins to end, is ended at once by a second Ctrl-C.
//!
//! [`graceful`](crate::server::graceful) ends a server so.

mod watch;

use std::fmt;
use std::io;

use signal_hook::consts;

use crate::Receiver;

/// A signal that can be asked for.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// `SIGHUP`: the terminal has gone. Servers take it as a request to read their settings again.
    Hangup,
    /// `SIGINT`: Ctrl-C.
    Interrupt,
    /// `SIGQUIT`: Ctrl-\\.
    Quit,
    /// `SIGTERM`: the process is asked to end.
    Terminate,
    /// `SIGUSR1`.
    User1,
    /// `SIGUSR2`.
    User2,
    /// `SIGWINCH`: the terminal's size has changed.
    WindowChange,
}

const ALL: [(Signal, i32, &str); 7] = [
    (Signal::Hangup, consts::SIGHUP, "SIGHUP"),
    (Signal::Interrupt, consts::SIGINT, "SIGINT"),
    (Signal::Quit, consts::SIGQUIT, "SIGQUIT"),
    (Signal::Terminate, consts::SIGTERM, "SIGTERM"),
    (Signal::User1, consts::SIGUSR1, "SIGUSR1"),
    (Signal::User2, consts::SIGUSR2, "SIGUSR2"),
    (Signal::WindowChange, consts::SIGWINCH, "SIGWINCH"),
];

impl Signal {
    fn row(self) -> &'static (Signal, i32, &'static str) {
        ALL.iter().find(|(signal, ..)| *signal == self).expect("every signal is in the table")
    }

    /// Its number on this system.
    pub fn number(self) -> i32 {
        self.row().1
    }

    /// The one with this number, if it can be asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets::signal::Signal;
    ///
    /// assert_eq!(Signal::from_number(15), Some(Signal::Terminate));
    /// assert_eq!(Signal::from_number(9), None, "nobody can wait for being killed");
    /// ```
    pub fn from_number(number: i32) -> Option<Signal> {
        ALL.iter().find(|(_, own, _)| *own == number).map(|(signal, ..)| *signal)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

/// A receiver of Ctrl-C.
///
/// # Errors
///
/// Those of the system: no descriptor or no thread is left for the thread that waits for signals.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets::{select, signal};
///
/// let ctrl_c = signal::ctrl_c()?;
/// select! {
///     recv(ctrl_c) -> _ => println!("bye"),
///     after(Duration::from_millis(1)) => println!("nobody has pressed it"),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ctrl_c() -> io::Result<Receiver<Signal>> {
    signals(&[Signal::Interrupt])
}

/// A receiver of what asks a program to end: Ctrl-C, and `SIGTERM`, which service managers send.
///
/// # Errors
///
/// As [`ctrl_c`].
pub fn terminated() -> io::Result<Receiver<Signal>> {
    signals(&[Signal::Interrupt, Signal::Terminate])
}

/// A receiver of these signals.
///
/// As in the kernel, not every one need arrive: those that nobody has received yet are kept up to a number of 16.
///
/// # Errors
///
/// As [`ctrl_c`]; `InvalidInput` if there are none.
///
/// # Examples
///
/// ```
/// use tasklets::signal::{Signal, signals};
/// use tasklets::spawn;
///
/// let status = signals(&[Signal::User1])?;
/// let server = spawn(move || status.recv().unwrap());
/// signal_hook::low_level::raise(Signal::User1.number())?; // as `kill -USR1` does
/// assert_eq!(server.join().unwrap(), Signal::User1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn signals(wanted: &[Signal]) -> io::Result<Receiver<Signal>> {
    if wanted.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no signal to wait for: the receiver would wait for ever",
        ));
    }
    watch::listen(wanted)
}
