//! What an actor is like.

use std::sync::Arc;

/// What becomes of a message for a mailbox that is full.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// Its sender waits for room.
    #[default]
    Wait,
    /// It is refused, and comes back in the error.
    Fail,
    /// It is taken in, and the oldest one is handed to the policy for undelivered messages.
    DropOldest,
}

/// How many messages a mailbox holds if that is not said.
pub const CAPACITY: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: Option<Arc<str>>,
    pub(super) capacity: usize,
    pub(super) when_full: WhenFull,
    pub(super) carries_over: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { name: None, capacity: CAPACITY, when_full: WhenFull::Wait, carries_over: true }
    }
}
