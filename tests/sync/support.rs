//! What these tests have in common.

use std::cell::RefCell;
use std::rc::Rc;

use tasklets::sync::{WaitError, WaitReason};

/// What tasklets of one thread did, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.0.borrow_mut().push(text.into());
    }

    #[track_caller]
    pub(crate) fn is(&self, expected: &str) {
        assert_eq!(self.0.borrow().join(" "), expected);
        self.0.borrow_mut().clear();
    }
}

/// Whether an error is of a kind.
#[track_caller]
pub(crate) fn fails<V>(result: Result<V, WaitError>, kind: fn(&WaitReason) -> bool) {
    match result {
        Ok(_) => panic!("it has not failed"),
        Err(error) => assert!(kind(&error.reason), "{error}"),
    }
}

pub(crate) fn would_block(reason: &WaitReason) -> bool {
    matches!(reason, WaitReason::WouldBlock)
}

pub(crate) fn timed_out(reason: &WaitReason) -> bool {
    matches!(reason, WaitReason::TimedOut)
}

pub(crate) fn deadlock(reason: &WaitReason) -> bool {
    matches!(reason, WaitReason::Deadlock(_))
}

/// A text with every `N:N` of a line and column, and every number of a primitive, as `#`.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    let mut last = ' ';
    for c in text.chars() {
        let digit = c.is_ascii_digit();
        if !digit || last != '#' {
            last = if digit { '#' } else { c };
            plain.push(last);
        }
    }
    plain
}

/// Runs `body` on a thread of its own, inside `enter`.
pub(crate) fn thread<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> std::thread::JoinHandle<R> {
    std::thread::spawn(move || tasklets::enter(body))
}
