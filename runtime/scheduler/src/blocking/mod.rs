//! Work that blocks its thread, done on other threads while the tasklet waits.

pub(crate) mod unblock;
