//! What the target of a request names: a path below the folder, and never one that leads out of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::reply::Status;

/// What need not be written otherwise in a path's component.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Below the folder, without `.` and `..`.
    pub(crate) path: PathBuf,
    /// It ends with a slash, and names a folder.
    pub(crate) folder: bool,
}

impl Target {
    pub(crate) fn of(target: &str, hidden: bool) -> Result<Target, Status> {
        // In absolute form, as proxies get it, a host is first. It is not looked at: there is one site.
        let path = match target.split_once("://") {
            Some(("http" | "https", rest)) => rest.find('/').map_or("/", |begin| &rest[begin..]),
            _ => target,
        };
        let path = path.split('?').next().unwrap_or_default();
        if !path.starts_with('/') {
            return Err(Status::BAD_REQUEST);
        }
        let bytes: Vec<u8> = percent_decode_str(path).collect();
        if bytes.contains(&0) {
            return Err(Status::BAD_REQUEST);
        }
        let folder = bytes.ends_with(b"/");
        let mut path = PathBuf::new();
        // After decoding, so that what is written otherwise is seen, too.
        for component in bytes.split(|byte| *byte == b'/').filter(|component| !component.is_empty()) {
            let dots = component == b"." || component == b"..";
            if dots || (component.starts_with(b".") && !hidden) {
                return Err(Status::NOT_FOUND);
            }
            path.push(OsStr::from_bytes(component));
        }
        Ok(Target { path, folder })
    }

    /// The target that names the same as a folder. It begins with one slash, or it would name a host.
    pub(crate) fn as_folder(&self) -> String {
        let components = self.path.iter().map(|component| format!("/{}", written(component)));
        components.chain(["/".to_owned()]).collect()
    }
}

/// A name as a component of a target.
pub(crate) fn written(name: &OsStr) -> String {
    percent_encode(name.as_bytes(), PLAIN).to_string()
}
