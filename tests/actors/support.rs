//! What the tests share.

use std::sync::{Arc, Mutex, Once};

use tasklets::actor::Unhandled;

/// What was handed to a policy.
pub(crate) type Lost<M> = Arc<Mutex<Vec<M>>>;

/// A policy that keeps what it is given.
pub(crate) fn keeping<M: Send + 'static>() -> (Lost<M>, impl Fn(M, &Unhandled) + Send + Sync + 'static) {
    let lost: Lost<M> = Arc::default();
    let theirs = lost.clone();
    (lost, move |message, _: &Unhandled| theirs.lock().unwrap().push(message))
}

/// Panics with the text "crash" are expected, and not printed.
pub(crate) fn crashes_are_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<&str>().copied();
            if text != Some("crash") {
                before(info);
            }
        }));
    });
}

/// Fails as a test wants it.
pub(crate) fn crash() -> ! {
    panic!("crash")
}
