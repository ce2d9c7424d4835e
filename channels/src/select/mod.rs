//! Waiting for the first of several operations: [`select!`](crate::select!), and [`Select`] for sets that are known at run time only.
//!
//! Arms may be sends and receives on any mix of channels, descriptors that become ready, and moments. Exactly one of them happens. What holds for both forms:
//!
//! - **Which one.** Of several that are ready, one is taken by a search from a random place ([`set_select_seed`]); `biased` takes the first
//!   in the order written. If none is ready, the first that becomes so. An arm whose operation would fail at once is ready: a
//!   receive from a channel that is closed, with nobody waiting on the other side, results in an error.
//! - **Not waiting.** A select with `default`, or without time left, takes none of its arms only if there was a moment at which none
//!   was ready: what other threads do between its looks at one arm and at the next does not hide anything from it.
//! - **Values.** The value of a send to a [`Channel`] is made when a receiver is there, and not at all if another arm is taken. (A receiver that meets
//!   a select waits for that. If it has gone before the value is there, the value is kept for the next one, until the select is over.) The
//!   value for a channel of several threads is made before anything is tried, and dropped after the result of the arm that was taken is
//!   bound, if it was not sent; [`Select`] leaves it in its arm.
//! - **Who runs.** A partner of a select that waits goes on, whatever its channel prefers: the select is made runnable as the last one, and may
//!   find more arms ready when it runs again.
//! - **Self.** A send and a receive on the same channel do not match each other.
//! - **Descriptors.** `readable` and `writable` are ready if the kernel says so at that moment, and take nothing: all who wait for the same are
//!   woken, on any thread. The limits of time that a socket has are for its operations, and not for these.
//! - **No time left.** An operation that was completed just in time has happened: its arm is taken, not that of the timer.
//! - **Failure.** If the select can neither take an arm nor wait (a deadlock, a block trap, a switch that is refused), none of its
//!   operations has happened: `select!` takes the first arm that has a result, with that error; [`Select`] returns a [`SelectError`].
//! - **Kills.** A select that is killed has done nothing, unless an arm was completed before. A value that it had received then goes where
//!   that of any killed receiver goes.
//! - **Cancellations**, and limits of time around it, interrupt it only if no arm was completed: else that one is taken, and they come at
//!   the next blocking point.
//!
//! A select waits as `select on channel 1 (receive), channel 2 (send)` in reports. It allocates nothing in steady state, up to eight arms.

pub(crate) mod arm;
mod choose;
mod error;
mod fair;
mod local;
mod macros;
mod ready;
mod set;
mod shared;
pub(crate) mod stand;
mod timer;

use std::convert::Infallible;
use std::panic::Location;
use std::time::{Duration, Instant};

use tasklets_runtime::io::watch::{Readiness, Watch};
use tasklets_runtime::now;

pub use self::arm::Arm;
pub use self::error::SelectError;
pub use self::fair::set_select_seed;
pub use self::local::{LocalRecv, LocalSend};
pub use self::ready::Ready;
pub use self::set::Select;
pub use self::shared::{SharedRecv, SharedSend};
pub use self::timer::Timer;
use crate::channel::Channel;
use crate::mpmc::receiver::Receiver;
use crate::mpmc::sender::Sender;
use choose::{Order, Patience, choose};

/// What can be received from by an arm.
#[diagnostic::on_unimplemented(
    message = "a `recv` arm cannot receive from `{Self}`",
    label = "this is to be a `Channel` or a `Receiver`"
)]
pub trait Receives {
    /// The arm.
    type Arm<'a>: Arm
    where
        Self: 'a;

    /// An arm that receives from it; [`recv`] does the same.
    fn recv_arm(&self) -> Self::Arm<'_>;
}

/// What can be sent to by an arm.
#[diagnostic::on_unimplemented(
    message = "a `send` arm cannot send to `{Self}`",
    label = "this is to be a `Channel` or a `Sender`"
)]
pub trait Sends {
    /// What is sent.
    type Value;

    /// The arm, whose value is made by an `F`.
    type Arm<'a, F: FnOnce() -> Self::Value>: Arm
    where
        Self: 'a;

    /// An arm that sends to it; [`send`] does the same.
    fn send_arm<F: FnOnce() -> Self::Value>(&self, value: F) -> Self::Arm<'_, F>;
}

impl<T: 'static> Receives for Channel<T> {
    type Arm<'a> = LocalRecv<'a, T>;

    #[inline]
    fn recv_arm(&self) -> LocalRecv<'_, T> {
        LocalRecv::new(self)
    }
}

impl<T: 'static> Sends for Channel<T> {
    type Value = T;
    type Arm<'a, F: FnOnce() -> T> = LocalSend<'a, T, F>;

    #[inline]
    fn send_arm<F: FnOnce() -> T>(&self, value: F) -> LocalSend<'_, T, F> {
        LocalSend::new(self, value)
    }
}

impl<T: 'static> Receives for Receiver<T> {
    type Arm<'a> = SharedRecv<'a, T>;

    #[inline]
    fn recv_arm(&self) -> SharedRecv<'_, T> {
        SharedRecv::new(self.core())
    }
}

impl<T: 'static> Sends for Sender<T> {
    type Value = T;
    type Arm<'a, F: FnOnce() -> T> = SharedSend<'a, T>;

    #[inline]
    fn send_arm<F: FnOnce() -> T>(&self, value: F) -> SharedSend<'_, T> {
        SharedSend::new(self.core(), value())
    }
}

impl<C: Receives + ?Sized> Receives for &C {
    type Arm<'a>
        = C::Arm<'a>
    where
        Self: 'a;

    #[inline]
    fn recv_arm(&self) -> C::Arm<'_> {
        (**self).recv_arm()
    }
}

impl<C: Sends + ?Sized> Sends for &C {
    type Value = C::Value;
    type Arm<'a, F: FnOnce() -> C::Value>
        = C::Arm<'a, F>
    where
        Self: 'a;

    #[inline]
    fn send_arm<F: FnOnce() -> C::Value>(&self, value: F) -> C::Arm<'_, F> {
        (**self).send_arm(value)
    }
}

/// An arm that receives from a channel.
#[inline]
pub fn recv<C: Receives + ?Sized>(channel: &C) -> C::Arm<'_> {
    channel.recv_arm()
}

/// An arm that sends what `value` makes to a channel.
#[inline]
pub fn send<C: Sends + ?Sized, F: FnOnce() -> C::Value>(channel: &C, value: F) -> C::Arm<'_, F> {
    channel.send_arm(value)
}

/// An arm that is ready from this moment of [`now`] on.
pub fn at(moment: Instant) -> Timer {
    Timer::new(Some(moment))
}

/// An arm that is ready when so much time has passed; never, if the clock cannot tell the end of it.
pub fn after(time: Duration) -> Timer {
    Timer::new(now().checked_add(time))
}

/// An arm that is ready when a socket, or another descriptor, can be read from: there is something, or the end, or an error. Of a listener,
/// when there is a connection. Nothing is read: what is there may be gone if others read, too.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use tasklets_channels::{Channel, select};
/// use tasklets_runtime::net::UnixStream;
/// use tasklets_runtime::spawn;
///
/// let (mut here, mut there) = UnixStream::pair()?;
/// let orders = Channel::new();
/// let more = orders.clone();
/// spawn(move || {
///     more.send("go on").unwrap();
///     there.write_all(b"enough").unwrap();
/// });
/// let mut heard = Vec::new();
/// let answer = loop {
///     select! {
///         recv(orders) -> order => heard.push(order.unwrap()),
///         readable(here) -> ready => {
///             ready?;
///             let mut text = [0; 16];
///             let got = here.read(&mut text)?;
///             break text[..got].to_vec();
///         }
///     }
/// };
/// assert_eq!((heard, answer.as_slice()), (vec!["go on"], &b"enough"[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn readable<W: Watch + ?Sized>(descriptor: &W) -> Ready<'_, W> {
    Ready::new(descriptor, Readiness::Readable)
}

/// An arm that is ready when a socket, or another descriptor, can be written to: there is room, or an error.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::time::Duration;
/// use tasklets_channels::select;
/// use tasklets_runtime::net::UnixStream;
/// use tasklets_runtime::spawn;
///
/// let (here, mut there) = UnixStream::pair()?;
/// while here.try_write(&[0; 1024]).is_ok() {} // until there is no room
/// spawn(move || there.read(&mut vec![0; 1_000_000])).detach();
/// let room = select! {
///     writable(here) -> ready => ready.is_ok(),
///     after(Duration::from_secs(60)) => false,
/// };
/// assert!(room);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn writable<W: Watch + ?Sized>(descriptor: &W) -> Ready<'_, W> {
    Ready::new(descriptor, Readiness::Writable)
}

/// What `select!` is made of.
#[doc(hidden)]
pub mod parts {
    pub use super::arm::{Arm, Attempt, Entry, Kind, Operate};
    pub use super::stand::Stand;
    use super::*;

    /// [`recv`](super::recv) and the like, under the names that they have in `select!`.
    pub mod arms {
        pub use super::super::{after, at, readable, recv, send, writable};
    }

    /// Which arm was taken; the number of arms for `default`.
    #[track_caller]
    #[inline]
    pub fn first(arms: &[Entry<'_>], biased: bool, patience: Option<Option<Duration>>) -> usize {
        let at = Location::caller();
        let order = if biased { Order::Biased } else { Order::Fair };
        let patience = match patience {
            None => Patience::Forever,
            Some(None) => Patience::None,
            Some(Some(time)) => within(time),
        };
        match choose(arms, order, patience, at) {
            Ok(taken) => taken.unwrap_or(arms.len()),
            Err(error) => failed(arms, error, at),
        }
    }

    /// Takes the first arm that has a result, with an error.
    #[cold]
    fn failed(arms: &[Entry<'_>], mut error: SelectError, at: &'static Location<'static>) -> usize {
        for (number, entry) in arms.iter().enumerate() {
            match entry.arm.fail(error.reason, at) {
                None => return number,
                Some(reason) => error.reason = reason,
            }
        }
        panic!("{error}");
    }

    /// A select without arms.
    #[track_caller]
    pub fn nothing() -> Result<Infallible, SelectError> {
        match choose(&[], Order::Biased, Patience::Forever, Location::caller()) {
            Err(error) => Err(error),
            Ok(_) => unreachable!("no arm was taken"),
        }
    }

    /// The result of the arm that was taken.
    #[inline]
    pub fn result<A: Arm>(arm: &A) -> A::Output {
        match arm.take() {
            Some(result) => result,
            None => not_taken(),
        }
    }

    #[cold]
    pub fn not_taken() -> ! {
        unreachable!("the arm that was taken has a result")
    }

    /// What the arm that was taken resulted in: moved once, whatever the others could have resulted in.
    #[derive(Debug)]
    #[allow(non_camel_case_types, reason = "the arms have these names in `select!`")]
    #[allow(missing_docs, reason = "one for each arm that a select may have")]
    pub enum Taken<A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P> {
        a(A),
        b(B),
        c(C),
        d(D),
        e(E),
        f(F),
        g(G),
        h(H),
        i(I),
        j(J),
        k(K),
        l(L),
        m(M),
        n(N),
        o(O),
        p(P),
        Nothing,
    }

    /// Says of an arm that there is none.
    pub fn never(never: Infallible) -> Infallible {
        never
    }
}

/// For so long; for ever if the clock cannot tell the end of it.
fn within(time: Duration) -> Patience {
    now().checked_add(time).map_or(Patience::Forever, Patience::Until)
}
