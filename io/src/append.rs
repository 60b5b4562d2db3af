//! What is read is appended to a vector, or to a buffer of the crate `bytes`. Their free memory is uninitialised.
//!
//! Invariants:
//! 1. The first `initialized` bytes behind the end of the vector are initialised. Nobody else reaches the vector while
//!    that is relied on: whoever asks for it by `vec_mut` makes `initialized` 0.
//! 2. A vector that is borrowed is the same vector each time. The private trait `Owner` has only the two types below.
//! 3. What a reader has filled is memory of ours: [`ReadBuf::check`] has compared it.
//!
//! In tokio: `io/util/vec_with_initialized.rs`.

use crate::ReadBuf;
#[cfg(feature = "bytes")]
use std::io;
#[cfg(feature = "bytes")]
use std::task::{Poll, ready};

/// A vector, or a reference to one: invariant 2.
pub(crate) trait Owner: private::Sealed {
    fn get(&self) -> &Vec<u8>;
    fn get_mut(&mut self) -> &mut Vec<u8>;
}

mod private {
    pub trait Sealed {}
    impl Sealed for Vec<u8> {}
    impl Sealed for &mut Vec<u8> {}
}

impl Owner for Vec<u8> {
    fn get(&self) -> &Vec<u8> {
        self
    }

    fn get_mut(&mut self) -> &mut Vec<u8> {
        self
    }
}

impl Owner for &mut Vec<u8> {
    fn get(&self) -> &Vec<u8> {
        self
    }

    fn get_mut(&mut self) -> &mut Vec<u8> {
        self
    }
}

/// A vector that readers append to. It knows which part of its free memory need not be set to zero again.
#[derive(Debug)]
pub(crate) struct Growing<V> {
    vec: V,
    initialized: usize,
}

impl<V: Owner> Growing<V> {
    pub(crate) fn new(vec: V) -> Growing<V> {
        Growing { vec, initialized: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.vec.get().len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.vec.get().capacity()
    }

    /// Returns the vector.
    pub(crate) fn vec_mut(&mut self) -> &mut Vec<u8> {
        self.initialized = 0;
        self.vec.get_mut()
    }

    /// Lends the free memory, but not more than `most` bytes, and appends what `read` has filled of it.
    ///
    /// # Panics
    ///
    /// Panics if `read` exchanges the buffer for another. Nothing is appended then.
    pub(crate) fn lend<R>(&mut self, most: usize, read: impl FnOnce(&mut ReadBuf<'_>) -> R) -> R {
        let vec = self.vec.get_mut();
        let free = vec.spare_capacity_mut();
        let most = most.min(free.len());
        let mut buf = ReadBuf::uninit(&mut free[..most]);
        // SAFETY: invariant 1.
        unsafe { buf.assume_init(self.initialized.min(most)) };
        let place = buf.place();
        let result = read(&mut buf);
        buf.check(place);
        let (filled, initialized) = (buf.filled().len(), buf.initialized().len());
        // SAFETY: these bytes are initialised, and are the vector's: invariant 3.
        unsafe { vec.set_len(vec.len() + filled) };
        self.initialized = self.initialized.max(initialized) - filled;
        result
    }
}

/// Lends some of the free memory of `buf`, and appends what `read` has filled of it. Returns how many bytes that is.
///
/// # Panics
///
/// Panics if `read` exchanges the buffer for another. Nothing is appended then.
#[cfg(feature = "bytes")]
#[inline]
pub(crate) fn lend_chunk(
    buf: &mut (impl bytes::BufMut + ?Sized),
    read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
) -> Poll<io::Result<usize>> {
    // SAFETY: a `ReadBuf` makes nothing uninitialised.
    let mut lent = ReadBuf::uninit(unsafe { buf.chunk_mut().as_uninit_slice_mut() });
    let place = lent.place();
    ready!(read(&mut lent))?;
    lent.check(place);
    let filled = lent.filled().len();
    // SAFETY: these bytes are initialised, and are those of the chunk: invariant 3.
    unsafe { buf.advance_mut(filled) };
    Poll::Ready(Ok(filled))
}
