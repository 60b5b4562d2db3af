//! The buffer that readers fill, and which may be uninitialised.
//!
//! ```text
//! 0               filled            initialized          capacity
//! ├─── was read ────┼── may be shown ────┼─── may only be ────┤
//! │                 │   as bytes         │    written         │
//! ```
//!
//! Reading into memory that was never written saves the time to write zeros. Rust must not see such memory as bytes,
//! so this type counts how many bytes from the start have been written.
//!
//! Invariants:
//! 1. `filled <= initialized <= buf.len()`.
//! 2. The first `initialized` bytes of `buf` are initialised, and stay so. Safe code cannot take that back: it gets
//!    the memory as `[u8]` only. Callers of `inner_mut` and `unfilled_mut` promise it.
//! 3. The fields are private to this file. So whatever a reader does with a buffer, 1 and 2 hold for each `ReadBuf`.
//! 4. A reader may put another `ReadBuf` in the place of the one that it was lent, and that one's counts say nothing
//!    about the memory of ours. So what lends memory compares [`Place`] afterwards: `lend` does, and what reads into a
//!    slice, a vector or a `BufMut`.
//!    Memory that is lent is borrowed exclusively. So a `ReadBuf` with the same address and the same length is made
//!    from that memory, unless its length is 0, where its counts are 0.
//!
//! In tokio: `io/read_buf.rs`. There, who lends a part of a buffer checks for an exchange and tells the whole buffer
//! what was read, each with unsafe code of its own. Here `lend` does both.

use std::fmt;
use std::mem::MaybeUninit;

/// A buffer for [`AsyncRead::poll_read`](crate::AsyncRead::poll_read), which may be uninitialised.
///
/// It begins with what was read, the filled part. What follows is free. A reader appends to the filled part, mostly
/// with [`put_slice`](ReadBuf::put_slice).
///
/// The buffer also knows how many bytes from its start have ever been written. These may be seen as `[u8]`. If a
/// reader needs such a view of free memory, [`initialize_unfilled`](ReadBuf::initialize_unfilled) writes zeros, but
/// only where nothing has been written yet.
///
/// # Examples
///
/// ```
/// use ayi::io::ReadBuf;
/// let mut memory = [0; 4];
/// let mut buf = ReadBuf::new(&mut memory);
/// buf.put_slice(b"tea");
/// assert_eq!(buf.filled(), b"tea");
/// assert_eq!((buf.capacity(), buf.remaining()), (4, 1));
/// ```
pub struct ReadBuf<'a> {
    buf: &'a mut [MaybeUninit<u8>],
    filled: usize,
    initialized: usize,
}

impl<'a> ReadBuf<'a> {
    /// Makes an empty buffer of memory that is initialised.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut memory = [1, 2];
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// assert_eq!(buf.filled(), []);
    /// assert_eq!(buf.initialized(), [1, 2]);
    /// ```
    #[inline]
    pub fn new(buf: &'a mut [u8]) -> ReadBuf<'a> {
        let initialized = buf.len();
        // SAFETY: `MaybeUninit<u8>` has the layout of `u8`. Nothing uninitialised is written through it: invariant 2.
        let buf = unsafe { &mut *(buf as *mut [u8] as *mut [MaybeUninit<u8>]) };
        ReadBuf { buf, filled: 0, initialized }
    }

    /// Makes an empty buffer of memory that may be uninitialised.
    ///
    /// Use [`assume_init`](ReadBuf::assume_init) if a part at the start is known to be initialised.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::mem::MaybeUninit;
    /// let mut memory = [MaybeUninit::uninit(); 4];
    /// let mut buf = ayi::io::ReadBuf::uninit(&mut memory);
    /// buf.put_slice(b"tea");
    /// assert_eq!(buf.initialized(), b"tea");
    /// ```
    #[inline]
    pub fn uninit(buf: &'a mut [MaybeUninit<u8>]) -> ReadBuf<'a> {
        ReadBuf { buf, filled: 0, initialized: 0 }
    }

    /// Returns the size of the whole buffer, in bytes.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// Returns what was read.
    #[inline]
    pub fn filled(&self) -> &[u8] {
        // SAFETY: these bytes are initialised: invariants 1 and 2.
        unsafe { as_bytes(&self.buf[..self.filled]) }
    }

    /// Returns what was read, mutably.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut memory = [0; 4];
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// buf.put_slice(b"tea");
    /// buf.filled_mut().make_ascii_uppercase();
    /// assert_eq!(buf.filled(), b"TEA");
    /// ```
    #[inline]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        // SAFETY: these bytes are initialised: invariants 1 and 2.
        unsafe { as_bytes_mut(&mut self.buf[..self.filled]) }
    }

    /// Makes a buffer of the first `n` free bytes, or of all if there are fewer.
    ///
    /// This buffer does not learn what is read into the other one. Afterwards, tell it with
    /// [`assume_init`](ReadBuf::assume_init) and [`advance`](ReadBuf::advance). First make sure that the reader has
    /// not put another buffer in the place of the one that it was given: compare the addresses of what is filled.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut memory = [0; 8];
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// buf.put_slice(b"tea");
    /// assert_eq!(buf.take(2).capacity(), 2);
    /// assert_eq!(buf.take(100).capacity(), 5);
    /// ```
    #[inline]
    pub fn take(&mut self, n: usize) -> ReadBuf<'_> {
        let (filled, n) = (self.filled, n.min(self.remaining()));
        // What is known of the memory goes along: invariant 2 holds for the part as well.
        let initialized = (self.initialized - filled).min(n);
        ReadBuf { buf: &mut self.buf[filled..filled + n], filled: 0, initialized }
    }

    /// Returns what was ever written: the filled part, and initialised memory behind it.
    #[inline]
    pub fn initialized(&self) -> &[u8] {
        // SAFETY: these bytes are initialised: invariant 2.
        unsafe { as_bytes(&self.buf[..self.initialized]) }
    }

    /// Returns what was ever written, mutably.
    #[inline]
    pub fn initialized_mut(&mut self) -> &mut [u8] {
        // SAFETY: these bytes are initialised: invariant 2.
        unsafe { as_bytes_mut(&mut self.buf[..self.initialized]) }
    }

    /// Returns the whole memory.
    ///
    /// # Safety
    ///
    /// The caller must not make any byte uninitialised that is [initialised](ReadBuf::initialized).
    #[inline]
    pub unsafe fn inner_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.buf
    }

    /// Returns the free memory.
    ///
    /// What is written there must be told to the buffer with [`assume_init`](ReadBuf::assume_init) and
    /// [`advance`](ReadBuf::advance).
    ///
    /// # Safety
    ///
    /// The caller must not make any byte uninitialised that is [initialised](ReadBuf::initialized).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::mem::MaybeUninit;
    /// let mut memory = [MaybeUninit::uninit(); 4];
    /// let mut buf = ayi::io::ReadBuf::uninit(&mut memory);
    /// // SAFETY: nothing is made uninitialised, and one byte is written.
    /// unsafe {
    ///     buf.unfilled_mut()[0].write(7);
    ///     buf.assume_init(1);
    /// }
    /// buf.advance(1);
    /// assert_eq!(buf.filled(), [7]);
    /// ```
    #[inline]
    pub unsafe fn unfilled_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.buf[self.filled..]
    }

    /// Returns the free memory as bytes. Zeros are written where it was uninitialised.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// let mut memory = [0; 8];
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// let read = (&b"tea"[..]).read(buf.initialize_unfilled())?;
    /// buf.advance(read);
    /// assert_eq!(buf.filled(), b"tea");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn initialize_unfilled(&mut self) -> &mut [u8] {
        self.initialize_unfilled_to(self.remaining())
    }

    /// Returns the first `n` free bytes. Zeros are written where they were uninitialised.
    ///
    /// # Panics
    ///
    /// Panics if fewer than `n` bytes are free.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut memory = [0; 4];
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// buf.initialize_unfilled_to(3).copy_from_slice(b"tea");
    /// buf.advance(3);
    /// assert_eq!(buf.filled(), b"tea");
    /// ```
    #[inline]
    #[track_caller]
    pub fn initialize_unfilled_to(&mut self, n: usize) -> &mut [u8] {
        let free = self.remaining();
        assert!(n <= free, "{n} bytes of a ReadBuf were asked for, of which only {free} are free");
        let end = self.filled + n;
        if self.initialized < end {
            self.buf[self.initialized..end].fill(MaybeUninit::new(0));
            self.initialized = end;
        }
        // SAFETY: the bytes before `end` are initialised: invariant 2, and just now.
        unsafe { as_bytes_mut(&mut self.buf[self.filled..end]) }
    }

    /// Returns how many bytes are free.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.capacity() - self.filled
    }

    /// Empties the buffer. The bytes that were initialised remain so.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut memory = [0; 4];
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// buf.put_slice(b"tea");
    /// buf.clear();
    /// assert_eq!((buf.filled(), buf.remaining()), (&[][..], 4));
    /// ```
    #[inline]
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Counts the next `n` initialised bytes as filled.
    ///
    /// # Panics
    ///
    /// Panics if the filled part would become longer than the initialised part.
    #[inline]
    #[track_caller]
    pub fn advance(&mut self, n: usize) {
        self.set_filled(self.filled.checked_add(n).expect("the filled part of a ReadBuf exceeds usize::MAX"));
    }

    /// Sets how many bytes are filled, from the start. It may become more or less.
    ///
    /// # Panics
    ///
    /// Panics if the filled part would become longer than the initialised part.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut memory = *b"teapot";
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// buf.set_filled(3);
    /// assert_eq!(buf.filled(), b"tea");
    /// ```
    #[inline]
    #[track_caller]
    pub fn set_filled(&mut self, n: usize) {
        let initialized = self.initialized;
        assert!(
            n <= initialized,
            "{n} bytes of a ReadBuf cannot be filled: only {initialized} are initialised"
        );
        self.filled = n;
    }

    /// Counts the first `n` free bytes as initialised. They are not filled by that: see [`advance`](ReadBuf::advance).
    ///
    /// # Safety
    ///
    /// At least `n` bytes are free, and the first `n` of them are initialised.
    #[inline]
    pub unsafe fn assume_init(&mut self, n: usize) {
        debug_assert!(n <= self.remaining(), "the promise of the caller");
        self.initialized = self.initialized.max(self.filled + n);
    }

    /// Appends `bytes` to the filled part.
    ///
    /// # Panics
    ///
    /// Panics if fewer bytes are free.
    #[inline]
    #[track_caller]
    pub fn put_slice(&mut self, bytes: &[u8]) {
        let (len, free) = (bytes.len(), self.remaining());
        assert!(len <= free, "{len} bytes do not fit into a ReadBuf of which {free} are free");
        let end = self.filled + len;
        // SAFETY: `MaybeUninit<u8>` has the layout of `u8`.
        let bytes = unsafe { &*(bytes as *const [u8] as *const [MaybeUninit<u8>]) };
        self.buf[self.filled..end].copy_from_slice(bytes);
        self.initialized = self.initialized.max(end);
        self.filled = end;
    }

    /// Fills all free memory with one byte.
    #[inline]
    pub(crate) fn fill_up(&mut self, byte: u8) {
        self.buf[self.filled..].fill(MaybeUninit::new(byte));
        (self.filled, self.initialized) = (self.buf.len(), self.buf.len());
    }

    /// Lends the first `n` free bytes, or all if there are fewer, and counts what `read` has filled of them.
    ///
    /// # Panics
    ///
    /// Panics if `read` exchanges the buffer for another. Nothing counts as filled then.
    #[inline]
    pub(crate) fn lend<R>(&mut self, n: usize, read: impl FnOnce(&mut ReadBuf<'_>) -> R) -> R {
        let start = self.filled;
        let mut part = self.take(n);
        let place = part.place();
        let result = read(&mut part);
        // Invariant 4: so these are counts of this memory.
        part.check(place);
        let (filled, initialized) = (start + part.filled, start + part.initialized);
        self.initialized = self.initialized.max(initialized);
        self.filled = filled;
        result
    }

    /// Returns where the memory is.
    #[inline]
    pub(crate) fn place(&self) -> Place {
        Place(self.buf as *const [MaybeUninit<u8>])
    }

    /// Panics if the memory is elsewhere.
    #[inline]
    pub(crate) fn check(&self, lent: Place) {
        if self.place() != lent {
            exchanged();
        }
    }
}

/// Where the memory of a [`ReadBuf`] is, and its length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(*const [MaybeUninit<u8>]);

#[cold]
fn exchanged() -> ! {
    panic!("a reader has put another ReadBuf in the place of the one that it was lent");
}

#[cfg(feature = "bytes")]
// SAFETY: `chunk_mut` returns the free memory, whose length is `remaining_mut`, and is the same until it is advanced.
unsafe impl bytes::BufMut for ReadBuf<'_> {
    #[inline]
    fn remaining_mut(&self) -> usize {
        self.remaining()
    }

    #[inline]
    unsafe fn advance_mut(&mut self, n: usize) {
        // SAFETY: the caller promises that the next `n` bytes are initialised. There are as many: `advance` panics
        // otherwise, before anybody sees them.
        unsafe { self.assume_init(n) };
        self.advance(n);
    }

    #[inline]
    fn chunk_mut(&mut self) -> &mut bytes::buf::UninitSlice {
        // SAFETY: an `UninitSlice` makes nothing uninitialised.
        bytes::buf::UninitSlice::uninit(unsafe { self.unfilled_mut() })
    }
}

impl fmt::Debug for ReadBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuf")
            .field("filled", &self.filled)
            .field("initialized", &self.initialized)
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// # Safety
///
/// All of `memory` is initialised.
#[inline]
unsafe fn as_bytes(memory: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: the layout is the same, and the caller promises the rest.
    unsafe { &*(memory as *const [MaybeUninit<u8>] as *const [u8]) }
}

/// # Safety
///
/// All of `memory` is initialised.
#[inline]
unsafe fn as_bytes_mut(memory: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: the layout is the same, and the caller promises the rest.
    unsafe { &mut *(memory as *mut [MaybeUninit<u8>] as *mut [u8]) }
}
