//! Sets of arms that are known at run time only.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::arm::{Arm, Entry};
use super::choose::{Order, Patience, choose};
use super::error::SelectError;
use super::within;

/// A set of arms, to be waited on as often as needed; see [`select`](mod@crate::select) for the rules.
///
/// Arms are values of their own ([`recv`](crate::select::recv), [`send`](crate::select::send), [`at`](crate::select::at),
/// [`after`](crate::select::after)): the set borrows them. What an operation results in lies in its arm, until [`take`](Arm::take) takes it
/// from there; what was not sent lies there, too. So nothing is lost, whatever becomes of the set.
///
/// Eight arms need no allocation.
///
/// # Examples
///
/// ```
/// use tasklets_channels::{Channel, Select, select::{Arm, recv}};
/// use tasklets_runtime::spawn;
///
/// let channels: Vec<Channel<usize>> = (0..3).map(|_| Channel::new()).collect();
/// for (number, channel) in channels.iter().cloned().enumerate() {
///     spawn(move || channel.send(number).unwrap());
/// }
/// let arms: Vec<_> = channels.iter().map(recv).collect();
/// let mut select = Select::new();
/// for arm in &arms {
///     select.add(arm);
/// }
/// for _ in 0..3 {
///     let taken = select.select()?;
///     let message = arms[taken].take().unwrap();
///     assert_eq!(message.unwrap(), taken);
/// }
/// # Ok::<(), tasklets_channels::SelectError>(())
/// ```
pub struct Select<'a> {
    arms: SmallVec<[Entry<'a>; 8]>,
    /// The index of each of them.
    indices: SmallVec<[usize; 8]>,
    added: usize,
    order: Order,
}

impl<'a> Select<'a> {
    /// A set without arms, and fair.
    pub fn new() -> Select<'a> {
        Select { arms: SmallVec::new(), indices: SmallVec::new(), added: 0, order: Order::Fair }
    }

    /// Takes the first in the order in which they were added, where several are ready.
    pub fn biased(&mut self) -> &mut Select<'a> {
        self.order = Order::Biased;
        self
    }

    /// Adds an arm; its index, which is the number of arms that were added before.
    pub fn add<A: Arm>(&mut self, arm: &'a A) -> usize {
        self.arms.push(Entry::of(arm));
        self.indices.push(self.added);
        self.added += 1;
        self.added - 1
    }

    /// Removes the arm with this index; the others keep theirs. False if it is not in the set.
    pub fn remove(&mut self, index: usize) -> bool {
        let Ok(place) = self.indices.binary_search(&index) else { return false };
        self.arms.remove(place);
        self.indices.remove(place);
        true
    }

    /// How many arms are in the set.
    pub fn len(&self) -> usize {
        self.arms.len()
    }

    /// Whether no arm is in the set.
    pub fn is_empty(&self) -> bool {
        self.arms.is_empty()
    }

    /// Waits for the first operation that can happen, and does it. The index of its arm, in which its result is then.
    ///
    /// # Errors
    ///
    /// [`SelectError`] if it could not wait; a [`Deadlock`](crate::Reason::Deadlock) if the set is empty.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile. None of the operations has happened then, unless it is a kill that comes after one was
    /// completed.
    #[track_caller]
    pub fn select(&self) -> Result<usize, SelectError> {
        let taken = self.choose(Patience::Forever, Location::caller())?;
        Ok(taken.expect("it had all the time that it needed"))
    }

    /// [`select`](Select::select) that does not wait. None if no operation can happen now.
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[track_caller]
    pub fn try_select(&self) -> Result<Option<usize>, SelectError> {
        self.choose(Patience::None, Location::caller())
    }

    /// [`select`](Select::select) that waits for this long at most. None if its time is up.
    ///
    /// # Errors
    ///
    /// As [`select`](Select::select).
    ///
    /// # Panics
    ///
    /// As [`select`](Select::select).
    #[track_caller]
    pub fn select_timeout(&self, time: Duration) -> Result<Option<usize>, SelectError> {
        self.choose(within(time), Location::caller())
    }

    /// [`select`](Select::select) that waits until this moment of [`now`](tasklets_runtime::now) at most. None if it has come.
    ///
    /// # Errors
    ///
    /// As [`select`](Select::select).
    ///
    /// # Panics
    ///
    /// As [`select`](Select::select).
    #[track_caller]
    pub fn select_deadline(&self, deadline: Instant) -> Result<Option<usize>, SelectError> {
        self.choose(Patience::Until(deadline), Location::caller())
    }

    fn choose(&self, patience: Patience, at: &'static Location<'static>) -> Result<Option<usize>, SelectError> {
        Ok(choose(&self.arms, self.order, patience, at)?.map(|place| self.indices[place]))
    }
}

impl Default for Select<'_> {
    fn default() -> Self {
        Select::new()
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("arms", &self.indices).field("order", &self.order).finish()
    }
}
