//! What the scheduler takes from outside: the time, and in tests the order. Round robin and the real clock otherwise.

pub(crate) mod clock;
pub(crate) mod picker;
