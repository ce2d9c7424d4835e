//! What is written before the body of an answer.

use std::fmt;
use std::io::Write;
use std::time::SystemTime;

/// The status of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u16, &'static str);

impl Status {
    pub(crate) const OK: Status = Status(200, "OK");
    pub(crate) const PARTIAL: Status = Status(206, "Partial Content");
    pub(crate) const MOVED: Status = Status(301, "Moved Permanently");
    pub(crate) const NOT_MODIFIED: Status = Status(304, "Not Modified");
    pub(crate) const BAD_REQUEST: Status = Status(400, "Bad Request");
    pub(crate) const FORBIDDEN: Status = Status(403, "Forbidden");
    pub(crate) const NOT_FOUND: Status = Status(404, "Not Found");
    pub(crate) const METHOD_NOT_ALLOWED: Status = Status(405, "Method Not Allowed");
    pub(crate) const REQUEST_TIMEOUT: Status = Status(408, "Request Timeout");
    pub(crate) const CONTENT_TOO_LARGE: Status = Status(413, "Content Too Large");
    pub(crate) const URI_TOO_LONG: Status = Status(414, "URI Too Long");
    pub(crate) const OUTSIDE: Status = Status(416, "Range Not Satisfiable");
    pub(crate) const FIELDS_TOO_LARGE: Status = Status(431, "Request Header Fields Too Large");
    pub(crate) const INTERNAL: Status = Status(500, "Internal Server Error");
    pub(crate) const BUSY: Status = Status(503, "Service Unavailable");
    pub(crate) const VERSION_NOT_SUPPORTED: Status = Status(505, "HTTP Version Not Supported");
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

/// The first bytes of an answer, as they grow.
pub(crate) struct Reply(Vec<u8>);

impl Reply {
    pub(crate) fn new(status: Status, keep_alive: bool) -> Reply {
        let reply = Reply(Vec::with_capacity(512));
        let date = httpdate::HttpDate::from(SystemTime::now());
        let reply = reply.line(format_args!("HTTP/1.1 {status}")).field("Date", date);
        // 1.0 does not keep a connection unless that is said, and 1.1 does not care.
        reply.field("Connection", if keep_alive { "keep-alive" } else { "close" })
    }

    fn line(mut self, line: fmt::Arguments<'_>) -> Reply {
        // A vector takes everything.
        let _ = self.0.write_fmt(format_args!("{line}\r\n"));
        self
    }

    pub(crate) fn field(self, name: &str, value: impl fmt::Display) -> Reply {
        self.line(format_args!("{name}: {value}"))
    }

    /// The bytes that have been written: a body may follow.
    pub(crate) fn end(self) -> Vec<u8> {
        self.line(format_args!("")).0
    }

    /// The same with a text as the body; only its length is told if the client has asked for no more.
    pub(crate) fn text(self, kind: &str, text: &str, with_body: bool) -> Vec<u8> {
        let mut bytes = self.field("Content-Type", kind).field("Content-Length", text.len()).end();
        if with_body {
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// An answer that says no more than its status.
    pub(crate) fn plain(status: Status, keep_alive: bool, with_body: bool) -> Vec<u8> {
        let mut reply = Reply::new(status, keep_alive);
        if status == Status::METHOD_NOT_ALLOWED {
            reply = reply.field("Allow", "GET, HEAD");
        }
        if status == Status::BUSY {
            reply = reply.field("Retry-After", 1);
        }
        reply.text("text/plain; charset=utf-8", &format!("{status}\n"), with_body)
    }
}
