//! What may be so of a tasklet besides its life and its place: a byte, as a million tasklets have a million of them.

/// Together in one byte of an entry.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Flags(u8);

/// One of them.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Flag {
    BlockTrap = 1,
    Atomic = 2,
    /// Inside `run`.
    Watching = 4,
    /// Being killed by somebody who waits for its end: it does not choose who runs next.
    Nested = 8,
    /// Every blocking point of it raises.
    Cancelled = 16,
    /// The deadline of its wait has come, and it has not gone on since.
    TimedOut = 32,
}

impl Flags {
    #[inline]
    pub(crate) fn has(self, flag: Flag) -> bool {
        self.0 & flag as u8 != 0
    }

    /// Sets one or takes it back; what it was before.
    #[inline]
    pub(crate) fn set(&mut self, flag: Flag, on: bool) -> bool {
        let was = self.has(flag);
        self.0 = if on { self.0 | flag as u8 } else { self.0 & !(flag as u8) };
        was
    }
}
