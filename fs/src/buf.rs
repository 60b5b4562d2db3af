//! Buffers that an operation owns while it runs.

use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr;
use std::slice;
use std::sync::Arc;

/// Bytes to write: owned, so that they are there as long as the kernel needs them.
///
/// Implemented for `Vec<u8>`, `Box<[u8]>`, `String`, `Arc<[u8]>`, `&'static [u8]` and `&'static str`. Another type can
/// implement it, by code that says `unsafe`: the kernel reads the bytes through a pointer, while nothing holds the buffer
/// but the operation.
///
/// # Safety
///
/// From the time that an operation gets the buffer until it gives it back, or drops it:
///
/// 1. [`bytes`](IoBuf::bytes) gives the same bytes each time it is called: the same address, the same length.
/// 2. They stay where they are when the buffer is moved, also to another thread. So an array implements it not.
/// 3. Nothing changes or frees them: not another clone of the buffer, not a thread, not `bytes` itself. So what others can
///    reach and change (`Arc<Mutex<…>>`, mapped memory) implements it not; what others can only read (`Arc<[u8]>`) does.
///
/// `bytes` may panic. A panic before the operation has begun goes to its caller.
pub unsafe trait IoBuf: Send + 'static {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// Room to read into.
///
/// Implemented for `Vec<u8>`, whose room is its capacity, and for `Box<[u8]>`, whose room is all of it.
///
/// Safe code can ask for the room, and can neither read it nor write to it:
///
/// ```compile_fail,E0133
/// use ayi::fs::IoBufMut;
/// use std::mem::MaybeUninit;
///
/// let mut buf: Box<[u8]> = Box::new([0]);
/// let room = buf.room() as *mut MaybeUninit<u8>;
/// *room = MaybeUninit::uninit();
/// ```
///
/// # Safety
///
/// The promises of [`IoBuf`] hold for the room as well. From the time that an operation gets the buffer until it gives it
/// back, or drops it:
///
/// 1. [`room`](IoBufMut::room) gives the same room each time it is called, all of which may be written to.
/// 2. It stays where it is when the buffer is moved, also to another thread.
/// 3. Nothing else reads, changes or frees it.
/// 4. After `set_len(len)` the first `len` bytes of the room are at the beginning of [`bytes`](IoBuf::bytes), and what
///    `bytes` gives is initialized. The kernel may have written to the rest of the room too.
pub unsafe trait IoBufMut: IoBuf {
    /// All the room there is, whatever is in it, if it is initialized at all: reading starts at its beginning.
    ///
    /// A raw pointer, since safe code must be able neither to read what is not initialized nor to make it so. Whoever
    /// writes through it promises to write bytes that are initialized.
    fn room(&mut self) -> *mut [u8];

    /// So many bytes have been read into the room.
    ///
    /// # Safety
    ///
    /// The first `len` bytes of the room are initialized, and it has so many.
    unsafe fn set_len(&mut self, len: usize);
}

// SAFETY: on the heap, and the vector is its only owner. (Neither it nor a box has its bytes looked at while the kernel has
// them.)
unsafe impl IoBuf for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// The room is the vector's capacity; its length is then what was read.
// SAFETY: on the heap, which `clear` does not move; what is read starts where the vector does.
unsafe impl IoBufMut for Vec<u8> {
    fn room(&mut self) -> *mut [u8] {
        self.clear();
        ptr::slice_from_raw_parts_mut(self.as_mut_ptr(), self.capacity())
    }

    unsafe fn set_len(&mut self, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { Vec::set_len(self, len) };
    }
}

// SAFETY: on the heap, and the box is its only owner.
unsafe impl IoBuf for Box<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// The room is all of it, and its length stays.
// SAFETY: on the heap; all of it is initialized, always.
unsafe impl IoBufMut for Box<[u8]> {
    fn room(&mut self) -> *mut [u8] {
        &raw mut self[..]
    }

    unsafe fn set_len(&mut self, _len: usize) {}
}

// SAFETY: on the heap, and the string is its only owner.
unsafe impl IoBuf for String {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

// SAFETY: on the heap, and `Arc::get_mut` gives it to nobody while the operation has a reference.
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
        // SAFETY: there is room for so many, and nobody else has it, so it does not overlap; then they are initialized.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.room().cast(), bytes.len());
            self.set_len(bytes.len());
        }
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes of what the vector has allocated are initialized.
        unsafe { slice::from_raw_parts(self.pages.as_ptr().cast(), self.len) }
    }
}

// SAFETY: on the heap, and this is its only owner.
unsafe impl IoBuf for Pages {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: on the heap; what is read starts where the bytes do.
unsafe impl IoBufMut for Pages {
    fn room(&mut self) -> *mut [u8] {
        ptr::slice_from_raw_parts_mut(self.pages.as_mut_ptr().cast(), self.room_len())
    }

    unsafe fn set_len(&mut self, len: usize) {
        self.len = len;
    }
}
