//! The file server.

mod answers;
mod faults;
mod limits;

use std::fs;

use tempfile::TempDir;

use crate::programs::child::{Random, Server};

/// What is in the large file.
pub(super) fn large() -> Vec<u8> {
    Random(1).bytes(300_001)
}

/// A folder to serve, beside a file that must not be.
pub(super) fn site() -> TempDir {
    let above = TempDir::new().unwrap();
    let folder = above.path().join("site");
    fs::create_dir_all(folder.join("sub/with index")).unwrap();
    fs::write(above.path().join("secret"), "the secret").unwrap();
    fs::create_dir(above.path().join("outside")).unwrap();
    fs::write(above.path().join("outside/secret"), "the secret").unwrap();
    fs::write(folder.join("hello.txt"), "hello\n").unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    fs::write(folder.join("large.bin"), large()).unwrap();
    fs::write(folder.join(".hidden"), "the secret").unwrap();
    fs::write(folder.join("sub/a <b> & 'c'%.html"), "<p>").unwrap();
    fs::write(folder.join("sub/with index/index.html"), "<p>index").unwrap();
    let link = std::os::unix::fs::symlink::<&str, _>;
    link("../secret", folder.join("link")).unwrap();
    link("../outside", folder.join("folder-link")).unwrap();
    link("/etc/passwd", folder.join("absolute")).unwrap();
    link("hello.txt", folder.join("inside")).unwrap();
    link("loop", folder.join("loop")).unwrap();
    above
}

/// Serves it.
pub(super) fn serve(above: &TempDir, options: &[&str]) -> Server {
    let folder = above.path().join("site");
    let arguments = [&["--listen", "127.0.0.1:0", folder.to_str().unwrap()], options].concat();
    Server::start("files", &arguments)
}
