//! Readiness as users see it.

use crate::core::ready::{Interest, Known};
use std::fmt;

impl Interest {
    /// The end of the peer's direction alone, without data. It is no member of a set.
    #[doc(hidden)]
    pub const PEER_CLOSED: Interest = Interest(1 << 8);

    /// Each member, with the bit that only it has, and the readiness that it waits for.
    const MEMBERS: [(Interest, u16, Ready); 4] = [
        (Interest::READABLE, 1, Ready::READABLE),
        (Interest::WRITABLE, 1 << 2, Ready::WRITABLE),
        (Interest::PRIORITY, 1 << 5, Ready::PRIORITY),
        (Interest::ERROR, 1 << 9, Ready::ERROR),
    ];

    fn members(self) -> impl Iterator<Item = (Interest, u16, Ready)> {
        Interest::MEMBERS.into_iter().filter(move |(_, bit, ..)| self.0 & bit != 0)
    }

    pub(crate) fn each(self) -> impl Iterator<Item = Interest> {
        self.members().map(|(member, ..)| member)
    }

    /// Returns the readiness that a wait for this interest waits for.
    pub(crate) fn awaited(self) -> Ready {
        self.members().fold(Ready::EMPTY, |all, (_, _, awaited)| all | awaited)
    }

    /// Returns whether [`READABLE`](Interest::READABLE) is in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Interest;
    /// assert!(Interest::READABLE.is_readable() && !Interest::READABLE.is_writable());
    /// ```
    pub const fn is_readable(self) -> bool {
        self.0 & 1 != 0
    }

    /// Returns whether [`WRITABLE`](Interest::WRITABLE) is in the set.
    pub const fn is_writable(self) -> bool {
        self.0 & 1 << 2 != 0
    }

    /// Returns whether [`PRIORITY`](Interest::PRIORITY) is in the set.
    pub const fn is_priority(self) -> bool {
        self.0 & 1 << 5 != 0
    }

    /// Returns whether [`ERROR`](Interest::ERROR) is in the set.
    pub const fn is_error(self) -> bool {
        self.0 & 1 << 9 != 0
    }

    /// Returns the set of all that is in `self` or in `other`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Interest;
    /// let both = Interest::READABLE.add(Interest::WRITABLE); // or with `|`
    /// assert!(both.is_readable() && both.is_writable());
    /// ```
    #[must_use = "the set itself stays as it is"]
    pub const fn add(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }

    /// Returns the set of all that is in `self` and not in `other`, or `None` if that is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Interest;
    /// let both = Interest::READABLE | Interest::WRITABLE;
    /// assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
    /// assert_eq!(Interest::READABLE.remove(Interest::READABLE), None); // one has to wait for something
    /// ```
    #[must_use = "the set itself stays as it is"]
    pub fn remove(self, other: Interest) -> Option<Interest> {
        let mut left = Interest(0);
        for (member, bit, _) in Interest::MEMBERS {
            if self.0 & !other.0 & bit != 0 {
                left |= member;
            }
        }
        (left.0 != 0).then_some(left)
    }
}

impl std::ops::BitOr for Interest {
    type Output = Interest;

    fn bitor(self, other: Interest) -> Interest {
        self.add(other)
    }
}

impl std::ops::BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Interest) {
        *self = self.add(other);
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(1, "READABLE"), (1 << 2, "WRITABLE"), (1 << 5, "PRIORITY"), (1 << 9, "ERROR")];
        write_set(f, self.0, &names)
    }
}

/// The readiness that the kernel has reported of a descriptor and not taken back, as a set of bits.
///
/// # Examples
///
/// ```
/// use ayi::io::Ready;
/// let ready = Ready::READABLE | Ready::READ_CLOSED;
/// assert!(ready.is_readable() && ready.is_read_closed() && !ready.is_writable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ready(u8);

impl Ready {
    /// The empty set.
    pub const EMPTY: Ready = Ready(0);
    /// Readiness for reading: a read would not block.
    pub const READABLE: Ready = Ready(1);
    /// Readiness for writing: a write would not block.
    pub const WRITABLE: Ready = Ready(2);
    /// The end of the peer's writing: once the data that is there has been read, the stream ends.
    pub const READ_CLOSED: Ready = Ready(4);
    /// The end of the peer's reading: the peer no longer reads.
    pub const WRITE_CLOSED: Ready = Ready(8);
    /// An error, which the next operation fetches.
    pub const ERROR: Ready = Ready(16);
    /// A priority event: urgent data, or another event that `EPOLLPRI` means for the descriptor, see poll(2).
    pub const PRIORITY: Ready = Ready(32);
    /// The set of everything.
    pub const ALL: Ready = Ready(63);

    /// Returns whether nothing is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Ready;
    /// assert!(Ready::EMPTY.is_empty() && !Ready::ALL.is_empty());
    /// ```
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether a read would not block, because there is data or the end of the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Ready;
    /// assert!(Ready::READABLE.is_readable() && Ready::READ_CLOSED.is_readable());
    /// ```
    pub const fn is_readable(self) -> bool {
        self.0 & (Ready::READABLE.0 | Ready::READ_CLOSED.0) != 0
    }

    /// Returns whether a write would not block, because there is room or an error to report.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Ready;
    /// assert!(Ready::WRITABLE.is_writable() && Ready::WRITE_CLOSED.is_writable());
    /// ```
    pub const fn is_writable(self) -> bool {
        self.0 & (Ready::WRITABLE.0 | Ready::WRITE_CLOSED.0) != 0
    }

    /// Returns whether the peer no longer writes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Ready;
    /// assert!(Ready::READ_CLOSED.is_read_closed() && !Ready::READABLE.is_read_closed());
    /// ```
    pub const fn is_read_closed(self) -> bool {
        self.0 & Ready::READ_CLOSED.0 != 0
    }

    /// Returns whether the peer no longer reads.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Ready;
    /// assert!(Ready::WRITE_CLOSED.is_write_closed() && !Ready::WRITABLE.is_write_closed());
    /// ```
    pub const fn is_write_closed(self) -> bool {
        self.0 & Ready::WRITE_CLOSED.0 != 0
    }

    /// Returns whether an error waits to be fetched.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Ready;
    /// assert!(Ready::ERROR.is_error() && !Ready::READABLE.is_error());
    /// ```
    pub const fn is_error(self) -> bool {
        self.0 & Ready::ERROR.0 != 0
    }

    /// Returns whether there is a priority event.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Ready;
    /// assert!(Ready::PRIORITY.is_priority() && !Ready::READABLE.is_priority());
    /// ```
    pub const fn is_priority(self) -> bool {
        self.0 & Ready::PRIORITY.0 != 0
    }

    /// Returns whether all of `other` is in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::Ready;
    /// let ready = Ready::READABLE | Ready::WRITABLE;
    /// assert!(ready.contains(Ready::WRITABLE) && !ready.contains(Ready::ERROR));
    /// ```
    pub const fn contains(self, other: Ready) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Ready {
    type Output = Ready;

    fn bitor(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Ready) {
        *self = *self | other;
    }
}

impl std::ops::BitAnd for Ready {
    type Output = Ready;

    fn bitand(self, other: Ready) -> Ready {
        Ready(self.0 & other.0)
    }
}

impl std::ops::Sub for Ready {
    type Output = Ready;

    fn sub(self, other: Ready) -> Ready {
        Ready(self.0 & !other.0)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (1, "READABLE"),
            (1 << 1, "WRITABLE"),
            (1 << 2, "READ_CLOSED"),
            (1 << 3, "WRITE_CLOSED"),
            (1 << 4, "ERROR"),
            (1 << 5, "PRIORITY"),
        ];
        write_set(f, self.0.into(), &names)
    }
}

/// Writes the names of the bits that are set.
fn write_set(f: &mut fmt::Formatter<'_>, bits: u16, names: &[(u16, &str)]) -> fmt::Result {
    let mut separator = "";
    for (bit, name) in names {
        if bits & bit != 0 {
            write!(f, "{separator}{name}")?;
            separator = " | ";
        }
    }
    if separator.is_empty() { f.write_str("EMPTY") } else { Ok(()) }
}

impl Known {
    /// Returns all bits that say one of `ready`, to any interest.
    pub(crate) fn saying(ready: Ready) -> Known {
        let small = Known(u16::from(ready.0) & (1 | 1 << 5));
        small
            | if ready.0 & Ready::WRITABLE.0 != 0 { Known(1 << 2) } else { Known::NOTHING }
            | if ready.is_read_closed() { Known::READ_CLOSED } else { Known::NOTHING }
            | if ready.is_write_closed() { Known::WRITE_CLOSED } else { Known::NOTHING }
            | if ready.is_error() { Known::ERROR } else { Known::NOTHING }
    }

    /// Converts to the bits that users see.
    pub(crate) fn ready(self) -> Ready {
        let mut ready = Ready((self.0 & (1 | 1 << 3 | 1 << 5)) as u8);
        if self.has(Known(1 << 2)) {
            ready |= Ready::WRITABLE;
        }
        if self.has(Known::ERROR) {
            ready |= Ready::ERROR;
        }
        if self.has(Known::READ_CLOSED) {
            ready |= Ready::READ_CLOSED;
        }
        ready
    }

    /// Returns all bits that concern `interest`.
    pub(crate) fn of_all(interest: Interest) -> Known {
        Known(interest.0)
    }

    pub(crate) fn and(self, other: Known) -> Known {
        Known(self.0 & other.0)
    }
}
