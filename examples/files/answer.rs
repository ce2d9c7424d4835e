//! Answers, as far as they need the disk: this runs on threads that may block.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::{Dir, File, Metadata, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::head::{Head, Method};
use crate::listing;
use crate::range::Range;
use crate::reply::{Reply, Status};
use crate::target::Target;

/// How much of a file is in memory at a time, for each client that gets it.
pub(crate) const PIECE: u64 = 64 * 1024;

/// The folder that is served. Paths are opened relative to it, and no link leads out of it.
pub(crate) struct Site {
    folder: Dir,
    hidden: bool,
}

/// The beginning of an answer, and what is to follow.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rest: Option<Rest>,
}

/// What of a file is not in memory yet.
pub(crate) struct Rest {
    file: File,
    pub(crate) left: u64,
}

impl Site {
    pub(crate) fn open(folder: &Path, hidden: bool) -> io::Result<Site> {
        let folder = Dir::open_ambient_dir(folder, cap_std::ambient_authority())?;
        Ok(Site { folder, hidden })
    }

    /// Answers a request for a file or a folder.
    pub(crate) fn answer(&self, head: &Head, keep_alive: bool) -> Answer {
        let with_body = head.method == Method::Get;
        self.try_answer(head, keep_alive)
            .unwrap_or_else(|status| Answer { bytes: Reply::plain(status, keep_alive, with_body), rest: None })
    }

    fn try_answer(&self, head: &Head, keep_alive: bool) -> Result<Answer, Status> {
        let target = Target::of(&head.target, self.hidden)?;
        let with_body = head.method == Method::Get;
        let whole = |bytes| Answer { bytes, rest: None };
        if target.path.iter().next().is_none() {
            return self.folder(&self.folder, &target, head, keep_alive);
        }
        let file = open(&self.folder, &target.path)?;
        let metadata = file.metadata().map_err(|error| status(&error))?;
        if metadata.is_dir() {
            if !target.folder {
                let reply = Reply::new(Status::MOVED, keep_alive).field("Location", target.as_folder());
                return Ok(whole(reply.text("text/plain; charset=utf-8", "it is a folder\n", with_body)));
            }
            let folder = Dir::from_std_file(file.into_std());
            return self.folder(&folder, &target, head, keep_alive);
        }
        // Neither pipes nor devices, and no file is a folder.
        if !metadata.is_file() || target.folder {
            return Err(Status::NOT_FOUND);
        }
        contents(file, &metadata, &target.path, head, keep_alive)
    }

    /// A folder's `index.html`, or a page with what is in it.
    fn folder(&self, folder: &Dir, target: &Target, head: &Head, keep_alive: bool) -> Result<Answer, Status> {
        let index = Path::new("index.html");
        match open(folder, index) {
            Ok(file) => {
                let metadata = file.metadata().map_err(|error| status(&error))?;
                if metadata.is_file() {
                    return contents(file, &metadata, index, head, keep_alive);
                }
            }
            Err(Status::NOT_FOUND) => {}
            Err(status) => return Err(status),
        }
        let page = listing::page(folder, target, self.hidden).map_err(|error| status(&error))?;
        let reply = Reply::new(Status::OK, keep_alive);
        let bytes = reply.text("text/html; charset=utf-8", &page, head.method == Method::Get);
        Ok(Answer { bytes, rest: None })
    }
}

/// Opens something to read. A pipe that nobody writes to is opened, too, in place of waiting for a writer.
fn open(folder: &Dir, path: &Path) -> Result<File, Status> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).expect("one of the low bits");
    let options = OpenOptions::new().read(true).custom_flags(nonblocking).clone();
    folder.open_with(path, &options).map_err(|error| status(&error))
}

fn status(error: &io::Error) -> Status {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => Status::NOT_FOUND,
        // Of the system, or because a link leads out of the folder.
        ErrorKind::PermissionDenied => Status::FORBIDDEN,
        _ => match Errno::from_io_error(error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS) => Status::BUSY,
            // A name of a socket; a link that leads to itself.
            Some(Errno::NXIO | Errno::LOOP) => Status::NOT_FOUND,
            _ => Status::INTERNAL,
        },
    }
}

/// The contents of a file, or the part that is asked for.
fn contents(mut file: File, metadata: &Metadata, path: &Path, head: &Head, keep_alive: bool) -> Result<Answer, Status> {
    let length = metadata.len();
    let modified = metadata.modified().ok().map(|time| whole_seconds(time.into_std()));
    let date = modified.map(httpdate::fmt_http_date);
    let dated = |reply: Reply| match &date {
        Some(date) => reply.field("Last-Modified", date),
        None => reply,
    };
    // A file from the future has changed since any time that was known.
    if let (Some(modified), Some(since)) = (modified, head.if_modified_since)
        && modified <= since
    {
        return Ok(Answer { bytes: dated(Reply::new(Status::NOT_MODIFIED, keep_alive)).end(), rest: None });
    }
    // A part of what the client has the other parts of: only if it is the same file still.
    let same = head.if_range.is_none() || head.if_range == date;
    let range = head.range.as_deref().filter(|_| head.method == Method::Get && same);
    let (reply, begin, count) = match Range::of(range, length) {
        Range::Whole => (Reply::new(Status::OK, keep_alive), 0, length),
        Range::Part { begin, length: count } => {
            let part = format!("bytes {begin}-{}/{length}", begin + count - 1);
            (Reply::new(Status::PARTIAL, keep_alive).field("Content-Range", part), begin, count)
        }
        Range::Outside => {
            let reply = Reply::new(Status::OUTSIDE, keep_alive).field("Content-Range", format!("bytes */{length}"));
            let bytes = reply.text("text/plain; charset=utf-8", "the file has no such part\n", true);
            return Ok(Answer { bytes, rest: None });
        }
    };
    let reply = dated(reply).field("Accept-Ranges", "bytes").field("X-Content-Type-Options", "nosniff");
    let mut bytes = reply.field("Content-Type", kind(path)).field("Content-Length", count).end();
    if head.method == Method::Head {
        return Ok(Answer { bytes, rest: None });
    }
    if begin > 0 {
        file.seek(SeekFrom::Start(begin)).map_err(|error| status(&error))?;
    }
    let mut rest = Rest { file, left: count };
    rest.read(&mut bytes).map_err(|error| status(&error))?;
    Ok(Answer { bytes, rest: (rest.left > 0).then_some(rest) })
}

impl Rest {
    /// Appends the next piece.
    pub(crate) fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let piece = self.left.min(PIECE);
        bytes.reserve(piece as usize);
        let got = self.file.by_ref().take(piece).read_to_end(bytes)? as u64;
        self.left -= got;
        // Its length was told already.
        if got < piece { Err(io::Error::new(ErrorKind::UnexpectedEof, "the file has become shorter")) } else { Ok(()) }
    }
}

/// As dates in HTTP have it.
fn whole_seconds(time: SystemTime) -> SystemTime {
    time.duration_since(UNIX_EPOCH).map_or(UNIX_EPOCH, |since| UNIX_EPOCH + Duration::from_secs(since.as_secs()))
}

fn kind(path: &Path) -> String {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let text = kind.type_() == mime_guess::mime::TEXT;
    if text { format!("{kind}; charset=utf-8") } else { kind.to_string() }
}
