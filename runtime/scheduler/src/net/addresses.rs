//! Whom to connect to: addresses, or a name that is looked up without blocking the thread.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::lookup;

/// What names a host and a port: an address, several, or a name to be looked up.
///
/// It is implemented for what [`std::net::ToSocketAddrs`] is implemented for.
pub trait ToSocketAddrs {
    /// The addresses, or the name.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for what is neither.
    fn target(&self) -> io::Result<Target>;
}

/// What [`ToSocketAddrs`] is made out to be.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// These, in this order.
    Addresses(Vec<SocketAddr>),
    /// A name of which somebody has to be asked, and a port.
    Name(String, u16),
}

macro_rules! addresses {
    ($($ty:ty),*) => {
        $(
            impl ToSocketAddrs for $ty {
                fn target(&self) -> io::Result<Target> {
                    Ok(Target::Addresses(vec![(*self).into()]))
                }
            }
        )*
    };
}

addresses!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for [SocketAddr] {
    fn target(&self) -> io::Result<Target> {
        Ok(Target::Addresses(self.to_vec()))
    }
}

impl ToSocketAddrs for (&str, u16) {
    fn target(&self) -> io::Result<Target> {
        let (host, port) = *self;
        Ok(match host.parse::<IpAddr>() {
            Ok(address) => Target::Addresses(vec![(address, port).into()]),
            Err(_) => Target::Name(host.to_owned(), port),
        })
    }
}

impl ToSocketAddrs for (String, u16) {
    fn target(&self) -> io::Result<Target> {
        (self.0.as_str(), self.1).target()
    }
}

/// As `localhost:80`, `127.0.0.1:80`, `[::1]:80`.
impl ToSocketAddrs for str {
    fn target(&self) -> io::Result<Target> {
        if let Ok(address) = self.parse::<SocketAddr>() {
            return Ok(Target::Addresses(vec![address]));
        }
        let parts = self.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match parts {
            Some((host, port)) => Ok(Target::Name(host.to_owned(), port)),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{self:?} is not a host and a port, as localhost:80"),
            )),
        }
    }
}

impl ToSocketAddrs for String {
    fn target(&self) -> io::Result<Target> {
        self.as_str().target()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn target(&self) -> io::Result<Target> {
        (**self).target()
    }
}

/// The addresses of a host, in the order in which they are to be tried. A name is looked up as the system does it, by another thread; the
/// tasklet waits.
///
/// # Errors
///
/// Those of the lookup; [`WaitError`](crate::io::WaitError).
///
/// # Panics
///
/// Unwinds with what is thrown into the caller while it waits. The lookup goes on then, and what it finds is dropped.
///
/// # Examples
///
/// ```
/// let addresses = tasklets_runtime::net::lookup_host("localhost:80")?;
/// assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn lookup_host(address: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    match address.target()? {
        Target::Addresses(addresses) => Ok(addresses),
        Target::Name(name, port) => lookup::addresses_of(name, port),
    }
}

/// Does something with the first address that does not fail.
#[track_caller]
pub(super) fn each<R>(address: impl ToSocketAddrs, mut f: impl FnMut(SocketAddr) -> io::Result<R>) -> io::Result<R> {
    let mut failure = None;
    for address in lookup_host(address)? {
        match f(address) {
            Ok(done) => return Ok(done),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there is no address to try")))
}
