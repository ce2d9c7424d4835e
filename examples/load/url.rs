//! What is to be got.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;

use tasklets::net::lookup_host;

#[derive(Debug, Clone)]
pub(crate) struct Url {
    /// With the port, if it was given.
    authority: String,
    path: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Url, String> {
        let rest = text.strip_prefix("http://").ok_or("it does not begin with http://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        if authority.is_empty() || text.bytes().any(|byte| byte <= b' ' || byte == 127) {
            return Err("there is no host, or a blank".to_owned());
        }
        Ok(Url { authority: authority.to_owned(), path: path.to_owned() })
    }
}

impl Url {
    /// Where to connect: the first address of the host.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        let port_given = self.authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if port_given { self.authority.clone() } else { format!("{}:80", self.authority) };
        lookup_host(&*host)?.into_iter().next().ok_or_else(|| io::Error::other(format!("{host} has no address")))
    }

    /// The bytes of a request for it.
    pub(crate) fn request(&self, fields: &[String]) -> Vec<u8> {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        format!("GET {} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", self.path, self.authority).into_bytes()
    }
}
