//! Buffers that an operation owns while it runs.

use std::mem::MaybeUninit;
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
