//! The head of a request: read within limits, and parsed.

use std::io;
use std::time::{Duration, SystemTime};

use tasklets::now;

use crate::input::Input;
use crate::reply::Status;

/// How many fields a head may have.
const FIELDS: usize = 64;

/// What of a request the server looks at.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) keep_alive: bool,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
    pub(crate) if_modified_since: Option<SystemTime>,
    /// How long the body is that follows.
    pub(crate) body: u64,
    /// The client waits for a word before it sends the body.
    pub(crate) expects: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Other,
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The client has gone, or takes too long to begin.
    Gone,
    /// It is told this.
    Refused(Status),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        if error.kind() == io::ErrorKind::TimedOut { Trouble::Refused(Status::REQUEST_TIMEOUT) } else { Trouble::Gone }
    }
}

/// Reads a head that has begun.
pub(crate) fn read(input: &mut Input, most: usize, time: Duration) -> Result<Head, Trouble> {
    let deadline = now() + time;
    let mut looked_at = 0;
    loop {
        let bytes = input.bytes();
        // Parsed again for each line, not for each byte that comes.
        if looked_at == 0 || bytes[looked_at..].contains(&b'\n') {
            looked_at = bytes.len();
            if let Some((head, length)) = parse(bytes).map_err(Trouble::Refused)? {
                if length > most {
                    return Err(too_large(bytes, most));
                }
                input.take(length);
                return Ok(head);
            }
        }
        if bytes.len() >= most {
            return Err(too_large(bytes, most));
        }
        if input.fill(deadline)? == 0 {
            let blank = input.bytes().trim_ascii().is_empty();
            return Err(if blank { Trouble::Gone } else { Trouble::Refused(Status::BAD_REQUEST) });
        }
    }
}

/// Which part of a head is too large: its first line, or what follows.
fn too_large(bytes: &[u8], most: usize) -> Trouble {
    let one_line = !bytes[..most].trim_ascii_start().contains(&b'\n');
    Trouble::Refused(if one_line { Status::URI_TOO_LONG } else { Status::FIELDS_TOO_LARGE })
}

/// A head and its length; none if it is not whole.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Status> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::Version) => return Err(Status::VERSION_NOT_SUPPORTED),
        Err(httparse::Error::TooManyHeaders) => return Err(Status::FIELDS_TOO_LARGE),
        Err(_) => return Err(Status::BAD_REQUEST),
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return Err(Status::BAD_REQUEST);
    };
    let head = Fields(request.headers).head(method, target, minor)?;
    Ok(Some((head, length)))
}

struct Fields<'a>(&'a [httparse::Header<'a>]);

impl Fields<'_> {
    fn head(&self, method: &str, target: &str, minor: u8) -> Result<Head, Status> {
        let hosts = self.all("host").count();
        if hosts > 1 || (hosts == 0 && minor > 0) {
            return Err(Status::BAD_REQUEST);
        }
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => Method::Other,
        };
        let asked = |word: &str| {
            let mut words = self.all("connection").flat_map(|value| value.split(','));
            words.any(|each| each.trim().eq_ignore_ascii_case(word))
        };
        Ok(Head {
            method,
            target: target.to_owned(),
            keep_alive: !asked("close") && (minor > 0 || asked("keep-alive")),
            range: self.one("range"),
            if_range: self.one("if-range"),
            if_modified_since: self.one("if-modified-since").and_then(|date| httpdate::parse_http_date(&date).ok()),
            body: self.body()?,
            expects: self.all("expect").next().is_some(),
        })
    }

    /// How long the body is. Whatever could be understood in two ways is refused: somebody between might understand the other one.
    fn body(&self) -> Result<u64, Status> {
        let mut lengths = self.0.iter().filter(|field| field.name.eq_ignore_ascii_case("content-length"));
        let length = lengths.next().map(|field| field.value);
        if lengths.any(|other| Some(other.value) != length) {
            return Err(Status::BAD_REQUEST);
        }
        let coded = self.0.iter().any(|field| field.name.eq_ignore_ascii_case("transfer-encoding"));
        match length {
            Some(_) if coded => Err(Status::BAD_REQUEST),
            // Bodies are good for nothing here: one of unknown length is too long.
            None if coded => Err(Status::CONTENT_TOO_LARGE),
            None => Ok(0),
            Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                let digits = std::str::from_utf8(digits).map_err(|_| Status::BAD_REQUEST)?;
                Ok(digits.parse().unwrap_or(u64::MAX))
            }
            Some(_) => Err(Status::BAD_REQUEST),
        }
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        fields.map(|field| std::str::from_utf8(field.value).unwrap_or_default())
    }

    /// The value of a field that is there once. What is there twice means nothing.
    fn one(&self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        let value = values.next()?;
        values.next().is_none().then(|| value.trim().to_owned())
    }
}
