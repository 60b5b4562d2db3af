//! Buffers that an operation owns while it runs.

use std::mem::MaybeUninit;
use std::ops::Deref;
use std::slice;
use std::sync::Arc;

/// Bytes to write: owned, so that they are there as long as the kernel needs them.
///
/// # Safety
///
/// The bytes stay where they are when the buffer is moved, and do not change while nobody has it mutably. (So an array
/// is none.)
pub unsafe trait IoBuf: Send + 'static {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// Room to read into.
///
/// # Safety
///
/// As for [`IoBuf`], also of the room; and `set_len` makes the first `len` bytes of it those that
/// [`bytes`](IoBuf::bytes) gives.
pub unsafe trait IoBufMut: IoBuf {
    /// All the room there is, whatever is in it: reading starts at its beginning.
    fn room(&mut self) -> &mut [MaybeUninit<u8>];

    /// So many bytes have been read into the room.
    ///
    /// # Safety
    ///
    /// The first `len` bytes of the room are initialized.
    unsafe fn set_len(&mut self, len: usize);
}

// SAFETY: on the heap.
unsafe impl IoBuf for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// The room is the vector's capacity; its length is then what was read.
// SAFETY: on the heap; what is read starts where the vector does.
unsafe impl IoBufMut for Vec<u8> {
    fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        self.clear();
        self.spare_capacity_mut()
    }

    unsafe fn set_len(&mut self, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { Vec::set_len(self, len) };
    }
}

// SAFETY: on the heap.
unsafe impl IoBuf for Box<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// The room is all of it, and its length stays.
// SAFETY: on the heap; all of it is initialized, always.
unsafe impl IoBufMut for Box<[u8]> {
    fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        let room = &mut self[..];
        // SAFETY: initialized bytes are bytes that may be; only the kernel writes there, and initialized ones.
        unsafe { &mut *(std::ptr::from_mut(room) as *mut [MaybeUninit<u8>]) }
    }

    unsafe fn set_len(&mut self, _len: usize) {}
}

// SAFETY: on the heap.
unsafe impl IoBuf for String {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

// SAFETY: on the heap, and nobody has it mutably while it is shared.
unsafe impl IoBuf for Arc<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: static.
unsafe impl IoBuf for &'static [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: static.
unsafe impl IoBuf for &'static str {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

const PAGE: usize = 4096;

#[repr(align(4096))]
struct Page(#[allow(dead_code)] [MaybeUninit<u8>; PAGE]);

/// A buffer of our own, at the beginning of a page. (malloc puts large ones 16 bytes after it, and there a copy of the
/// kernel's takes up to six times as long on some processors.)
#[derive(Default)]
pub(crate) struct Pages {
    /// Its capacity is the room; it has no elements.
    pages: Vec<Page>,
    /// So many bytes are initialized.
    len: usize,
}

impl Pages {
    pub(crate) const fn new() -> Pages {
        Pages { pages: Vec::new(), len: 0 }
    }

    fn room_len(&self) -> usize {
        self.pages.capacity() * PAGE
    }

    /// Empties it, and makes room for so many bytes, at least.
    pub(crate) fn make_room(&mut self, len: usize) {
        self.len = 0;
        if self.room_len() < len {
            self.pages = Vec::with_capacity(len.div_ceil(PAGE));
        }
    }

    /// Empties it, and gives the memory back if it is more than for so many bytes.
    pub(crate) fn empty(&mut self, most: usize) {
        self.len = 0;
        if self.room_len() > most.next_multiple_of(PAGE) {
            self.pages = Vec::new();
        }
    }

    /// Makes it `bytes`.
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        for (to, from) in self.room().iter_mut().zip(bytes) {
            to.write(*from);
        }
        self.len = bytes.len();
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes of what the vector has allocated are initialized.
        unsafe { slice::from_raw_parts(self.pages.as_ptr().cast(), self.len) }
    }
}

// SAFETY: on the heap.
unsafe impl IoBuf for Pages {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: on the heap; what is read starts where the bytes do.
unsafe impl IoBufMut for Pages {
    fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        let len = self.room_len();
        // SAFETY: the vector has allocated so much, and bytes that may be uninitialized are always valid.
        unsafe { slice::from_raw_parts_mut(self.pages.as_mut_ptr().cast(), len) }
    }

    unsafe fn set_len(&mut self, len: usize) {
        self.len = len;
    }
}
