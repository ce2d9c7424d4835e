//! Work on other threads, which goes by the real clock.

use tasklets::unblock;

use super::{in_real_time, point};

#[test]
fn work_on_other_threads() {
    in_real_time("unblock", || {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let block = move || drop(unblock(move || wait.recv()));
        point(block, move || drop(done))
    });
}
