//! What one can wait for, and what is known of it.

use crate::sys;
use std::fmt;

/// What to wait for: a set.
///
/// # Examples
///
/// ```
/// use ayi_runtime::io::Interest;
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interest(
    /// The bits of [`Ready`] that concern it, and one more, which no `Ready` has, if errors are a member.
    u8,
);

impl Interest {
    /// Data, a connection to accept, or the end of the stream.
    pub const READABLE: Interest = Interest(Ready::READABLE.0 | Ready::READ_CLOSED.0 | Ready::ERROR.0);
    /// Room to write, or a finished connect.
    pub const WRITABLE: Interest = Interest(Ready::WRITABLE.0 | Ready::WRITE_CLOSED.0 | Ready::ERROR.0);
    /// What `EPOLLPRI` is for: urgent data on a TCP socket, a changed file of sysfs or cgroups, see poll(2). Or
    /// the end of the stream, after which none can come.
    pub const PRIORITY: Interest = Interest(Ready::PRIORITY.0 | Ready::READ_CLOSED.0);
    /// An error. It ends the waits of the other three as well: this is for who waits for nothing else.
    pub const ERROR: Interest = Interest(Ready::ERROR.0 | 1 << 7);

    /// To keep it in a byte.
    #[inline]
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// What [`bits`](Interest::bits) gave.
    #[inline]
    pub(crate) fn from_bits(bits: u8) -> Interest {
        Interest(bits)
    }

    /// Of each member the bit that no other has.
    const MEMBERS: [(Interest, u8, &'static str); 4] = [
        (Interest::READABLE, Ready::READABLE.0, "READABLE"),
        (Interest::WRITABLE, Ready::WRITABLE.0, "WRITABLE"),
        (Interest::PRIORITY, Ready::PRIORITY.0, "PRIORITY"),
        (Interest::ERROR, 1 << 7, "ERROR"),
    ];

    /// Whether [`READABLE`](Interest::READABLE) is in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Interest;
    /// assert!(Interest::READABLE.is_readable() && !Interest::READABLE.is_writable());
    /// ```
    pub const fn is_readable(self) -> bool {
        self.0 & Ready::READABLE.0 != 0
    }

    /// Whether [`WRITABLE`](Interest::WRITABLE) is in the set.
    pub const fn is_writable(self) -> bool {
        self.0 & Ready::WRITABLE.0 != 0
    }

    /// Whether [`PRIORITY`](Interest::PRIORITY) is in the set.
    pub const fn is_priority(self) -> bool {
        self.0 & Ready::PRIORITY.0 != 0
    }

    /// Whether [`ERROR`](Interest::ERROR) is in the set.
    pub const fn is_error(self) -> bool {
        self.0 & 1 << 7 != 0
    }

    /// Both together.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Interest;
    /// let both = Interest::READABLE.add(Interest::WRITABLE); // or with `|`
    /// assert!(both.is_readable() && both.is_writable());
    /// ```
    #[must_use = "the set itself stays as it is"]
    pub const fn add(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }

    /// What is in `self` and not in `other`, if anything is.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Interest;
    /// let both = Interest::READABLE | Interest::WRITABLE;
    /// assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
    /// assert_eq!(Interest::READABLE.remove(Interest::READABLE), None); // one has to wait for something
    /// ```
    #[must_use = "the set itself stays as it is"]
    pub fn remove(self, other: Interest) -> Option<Interest> {
        let stays = |(_, bit, _): &&(Interest, u8, &str)| self.0 & !other.0 & bit != 0;
        Interest::MEMBERS.iter().filter(stays).map(|(member, ..)| *member).reduce(Interest::add)
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
        let is_member = |(_, bit, _): &&(Interest, u8, &str)| self.0 & bit != 0;
        write_set(f, Interest::MEMBERS.iter().filter(is_member).map(|(_, _, name)| *name))
    }
}

/// What the kernel has reported of a descriptor and not taken back: a set of bits.
///
/// # Examples
///
/// ```
/// use ayi_runtime::io::Ready;
/// let ready = Ready::READABLE | Ready::READ_CLOSED;
/// assert!(ready.is_readable() && ready.is_read_closed() && !ready.is_writable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ready(u8);

impl Ready {
    /// Nothing.
    pub const EMPTY: Ready = Ready(0);
    /// A read would not block.
    pub const READABLE: Ready = Ready(1);
    /// A write would not block.
    pub const WRITABLE: Ready = Ready(2);
    /// The peer writes no more: after what is there comes the end of the stream.
    pub const READ_CLOSED: Ready = Ready(4);
    /// The peer reads no more.
    pub const WRITE_CLOSED: Ready = Ready(8);
    /// An error waits to be fetched by the next operation.
    pub const ERROR: Ready = Ready(16);
    /// A priority event: urgent data, or what else `EPOLLPRI` means for the descriptor, see poll(2).
    pub const PRIORITY: Ready = Ready(32);
    /// Everything.
    pub const ALL: Ready = Ready(63);

    /// Whether nothing is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Ready;
    /// assert!(Ready::EMPTY.is_empty() && !Ready::ALL.is_empty());
    /// ```
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a read would not block: data, or the end of the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Ready;
    /// assert!(Ready::READABLE.is_readable() && Ready::READ_CLOSED.is_readable());
    /// ```
    pub const fn is_readable(self) -> bool {
        self.0 & (Ready::READABLE.0 | Ready::READ_CLOSED.0) != 0
    }

    /// Whether a write would not block: room, or an error to report.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Ready;
    /// assert!(Ready::WRITABLE.is_writable() && Ready::WRITE_CLOSED.is_writable());
    /// ```
    pub const fn is_writable(self) -> bool {
        self.0 & (Ready::WRITABLE.0 | Ready::WRITE_CLOSED.0) != 0
    }

    /// Whether the peer writes no more.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Ready;
    /// assert!(Ready::READ_CLOSED.is_read_closed() && !Ready::READABLE.is_read_closed());
    /// ```
    pub const fn is_read_closed(self) -> bool {
        self.0 & Ready::READ_CLOSED.0 != 0
    }

    /// Whether the peer reads no more.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Ready;
    /// assert!(Ready::WRITE_CLOSED.is_write_closed() && !Ready::WRITABLE.is_write_closed());
    /// ```
    pub const fn is_write_closed(self) -> bool {
        self.0 & Ready::WRITE_CLOSED.0 != 0
    }

    /// Whether an error waits to be fetched.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Ready;
    /// assert!(Ready::ERROR.is_error() && !Ready::READABLE.is_error());
    /// ```
    pub const fn is_error(self) -> bool {
        self.0 & Ready::ERROR.0 != 0
    }

    /// Whether there is a priority event.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Ready;
    /// assert!(Ready::PRIORITY.is_priority() && !Ready::READABLE.is_priority());
    /// ```
    pub const fn is_priority(self) -> bool {
        self.0 & Ready::PRIORITY.0 != 0
    }

    /// Whether all of `other` is in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::io::Ready;
    /// let ready = Ready::READABLE | Ready::WRITABLE;
    /// assert!(ready.contains(Ready::WRITABLE) && !ready.contains(Ready::ERROR));
    /// ```
    pub const fn contains(self, other: Ready) -> bool {
        self.0 & other.0 == other.0
    }

    /// Urgent (out-of-band) data has come at some time; never taken back, and nobody's business outside.
    const URGENT: Ready = Ready(64);

    /// epoll_ctl(2). `EPOLLHUP` and `EPOLLERR` concern both directions: reads and writes then return at once.
    #[inline]
    pub(crate) fn from_epoll(bits: u32) -> Ready {
        let usual = Ready::READABLE.when(bits, sys::READABLE) | Ready::WRITABLE.when(bits, sys::WRITABLE);
        if bits & !(sys::READABLE | sys::WRITABLE) == 0 { usual } else { usual | Ready::unusual(bits) }
    }

    #[cold]
    fn unusual(bits: u32) -> Ready {
        let both = Ready::READABLE | Ready::WRITABLE;
        (Ready::READABLE | Ready::READ_CLOSED).when(bits, sys::PEER_SHUT_DOWN)
            | (both | Ready::READ_CLOSED | Ready::WRITE_CLOSED).when(bits, sys::HANG_UP)
            | (both | Ready::ERROR).when(bits, sys::ERROR)
            | (Ready::READABLE | Ready::PRIORITY | Ready::URGENT).when(bits, sys::URGENT)
    }

    /// These if `bits` has `bit`, else none.
    #[inline]
    fn when(self, bits: u32, bit: u32) -> Ready {
        if bits & bit == 0 { Ready::EMPTY } else { self }
    }

    /// What of it concerns `interest`.
    pub(crate) fn of(self, interest: Interest) -> Ready {
        Ready(self.0 & interest.0)
    }

    /// The kernel has nothing (more) for this interest. So it is not closed either, or not any more: another
    /// writer may have opened a FIFO. When it closes again, that is a new edge.
    pub(crate) fn clear(&mut self, interest: Interest) {
        self.0 &= !interest.0;
    }

    /// As `clear`, of these bits.
    pub(crate) fn remove(&mut self, ready: Ready) {
        *self = *self - ready;
    }

    /// Whether a short transfer proves that nothing is left. Not when the end of the stream or an error is still
    /// to be fetched, for which there will be no further report; and not on a stream that carries urgent data,
    /// where a read stops short of the mark, tcp(7).
    pub(crate) fn allows_short_cut(self) -> bool {
        let exceptions = Ready::READ_CLOSED.0 | Ready::WRITE_CLOSED.0 | Ready::ERROR.0 | Ready::URGENT.0;
        self.0 & exceptions == 0
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
        let names = ["READABLE", "WRITABLE", "READ_CLOSED", "WRITE_CLOSED", "ERROR", "PRIORITY"];
        let set = names.iter().enumerate().filter(|(bit, _)| self.0 & 1 << bit != 0).map(|(_, name)| *name);
        write_set(f, set)
    }
}

fn write_set(f: &mut fmt::Formatter<'_>, mut names: impl Iterator<Item = &'static str>) -> fmt::Result {
    f.write_str(names.next().unwrap_or("EMPTY"))?;
    names.try_for_each(|name| write!(f, " | {name}"))
}
