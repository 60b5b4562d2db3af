//! What one can wait for, and what is known of it: sets of bits.

use super::sys;

/// A set of events to wait for.
///
/// # Examples
///
/// ```
/// use ayi::io::Interest;
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interest(
    /// The [`Known`] bits that concern it. No two members share one.
    pub(crate) u16,
);

impl Interest {
    /// Data, a connection to accept, or the end of the stream.
    pub const READABLE: Interest = Interest(1 | 1 << 1 | 1 << 4);
    /// Room to write, or a finished connect.
    pub const WRITABLE: Interest = Interest(1 << 2 | 1 << 3 | 1 << 7);
    /// The events of `EPOLLPRI`: urgent data on a TCP socket, or a changed file of sysfs or cgroups, see poll(2). The
    /// end of the stream counts as well, since no such event can come after it.
    pub const PRIORITY: Interest = Interest(1 << 5 | 1 << 8);
    /// An error. Errors end waits for the other three as well, so this is for a caller who waits for nothing else.
    pub const ERROR: Interest = Interest(1 << 9);

    /// Its [`BITS`](Interest::BITS) bits.
    #[inline]
    pub(crate) fn bits(self) -> u16 {
        self.0
    }

    /// How many bits it takes.
    pub(crate) const BITS: u32 = 10;

    /// Whether it is a set of several.
    #[inline]
    pub(crate) fn is_compound(self) -> bool {
        !(self.0 & (1 | 1 << 2 | 1 << 5 | 1 << 9)).is_power_of_two()
    }
}

/// What is known of a descriptor, for each of the four interests by itself: what the kernel has reported, and no
/// operation of that interest has taken back.
///
/// ```text
///   bit   9      8            7      6       5         4      3             2         1            0
///         ERROR  READ_CLOSED  ERROR  urgent  PRIORITY  ERROR  WRITE_CLOSED  WRITABLE  READ_CLOSED  READABLE
///   of    ERROR  PRIORITY     WRIT.  –       PRIORITY  READ.  WRITABLE      WRITABLE  READABLE     READABLE
/// ```
///
/// An error, say, is reported to readers, to writers, and to those who wait for errors. That a reader finds nothing
/// says nothing of the error queue, so it takes the reader's bit alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known(pub(crate) u16);

impl Known {
    pub(crate) const NOTHING: Known = Known(0);

    /// Urgent (out-of-band) data has come at some time; never taken back, and nobody's business outside.
    pub(crate) const URGENT: Known = Known(1 << 6);
    pub(crate) const READ_CLOSED: Known = Known(1 << 1 | 1 << 8);
    pub(crate) const WRITE_CLOSED: Known = Known(1 << 3);
    pub(crate) const CLOSED: Known = Known(Known::READ_CLOSED.0 | Known::WRITE_CLOSED.0);
    pub(crate) const ERROR: Known = Known(1 << 4 | 1 << 7 | 1 << 9);

    /// epoll_ctl(2). `EPOLLHUP` and `EPOLLERR` concern both directions: reads and writes then return at once.
    #[inline]
    pub(crate) fn from_epoll(bits: u32) -> Known {
        // The bits of both are the kernel's.
        let usual = Known(bits as u16 & (sys::READABLE | sys::WRITABLE) as u16);
        if bits & !(sys::READABLE | sys::WRITABLE) == 0 { usual } else { usual | Known::unusual(bits) }
    }

    #[cold]
    fn unusual(bits: u32) -> Known {
        let (read, write) = (Known(1), Known(1 << 2));
        let (priority, urgent) = (Known(1 << 5), Known::URGENT);
        (read | Known::READ_CLOSED).when(bits, sys::PEER_SHUT_DOWN)
            | (read | write | Known::CLOSED).when(bits, sys::HANG_UP)
            | (read | write | Known::ERROR).when(bits, sys::ERROR)
            | (read | priority | urgent).when(bits, sys::URGENT)
    }

    /// These if `bits` has `bit`, else none.
    fn when(self, bits: u32, bit: u32) -> Known {
        if bits & bit == 0 { Known::NOTHING } else { self }
    }

    /// What of it concerns `interest`.
    #[inline]
    pub(crate) fn of(self, interest: Interest) -> Known {
        Known(self.0 & interest.0)
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, any: Known) -> bool {
        self.0 & any.0 != 0
    }

    /// Whether it says that a direction has been closed.
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.has(Known::CLOSED)
    }

    /// Whether a short transfer by `interest` proves that nothing is left. Not when the end of the stream or an error
    /// is still to be fetched, for which there will be no further report; and not on a stream that carries urgent
    /// data, where a read stops short of the mark, tcp(7).
    #[inline]
    pub(crate) fn allows_short_cut(self, interest: Interest) -> bool {
        let exceptions = (Known::CLOSED | Known::ERROR).of(interest) | Known::URGENT;
        !self.has(exceptions)
    }
}

impl std::ops::BitOr for Known {
    type Output = Known;

    fn bitor(self, other: Known) -> Known {
        Known(self.0 | other.0)
    }
}

impl std::ops::Sub for Known {
    type Output = Known;

    fn sub(self, other: Known) -> Known {
        Known(self.0 & !other.0)
    }
}
