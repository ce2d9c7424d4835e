//! Where a fair select begins to look.

use std::cell::Cell;

/// Threads begin with the same number, so that a program does the same every time.
const BEGIN: u64 = 0x9E37_79B9_7F4A_7C15;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(BEGIN) };
}

/// Sets what the choices of this thread's selects come from, from now on: the same seed gives the same choices. Every thread begins with the
/// same one.
///
/// # Examples
///
/// ```
/// use tasklets_channels::{Channel, select, set_select_seed};
///
/// let choices = || -> Vec<u8> {
///     set_select_seed(7);
///     let (one, two) = (Channel::<()>::new(), Channel::<()>::new());
///     one.close();
///     two.close();
///     (0..100).map(|_| select! { recv(one) -> _ => 1, recv(two) -> _ => 2 }).collect()
/// };
/// assert_eq!(choices(), choices());
/// assert!(choices().contains(&1) && choices().contains(&2));
/// ```
pub fn set_select_seed(seed: u64) {
    // The generator never leaves 0.
    let mixed = (seed ^ BEGIN).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    STATE.set(if mixed == 0 { BEGIN } else { mixed });
}

/// A number below `count`, which is not 0.
#[inline]
pub(super) fn start(count: usize) -> usize {
    let state = STATE.with(|cell| {
        let mut state = cell.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        cell.set(state);
        state
    });
    // The high bits of a product with the high half, in place of a division.
    (((state >> 32) * count as u64) >> 32) as usize
}
