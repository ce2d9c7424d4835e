//! What primitives have in common that tasklets of several threads take part in.

pub(crate) mod claim;
pub(crate) mod lock;
pub(crate) mod threads;
pub(crate) mod waiters;
