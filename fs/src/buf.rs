//! Buffers that an operation owns while it runs.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr;
use std::slice;
use std::sync::Arc;

/// Bytes to write. They are owned, so that they live as long as the kernel needs them.
///
/// It is implemented for `Vec<u8>`, `Box<[u8]>`, `String`, `Arc<[u8]>`, `&'static [u8]` and `&'static str`.
/// Implementing it for another type takes `unsafe`: the kernel reads the bytes through a pointer while only the
/// operation holds the buffer.
///
/// # Safety
///
/// From the time that an operation receives the buffer until it returns or drops it:
///
/// 1. [`bytes`](IoBuf::bytes) returns the same bytes each time it is called: the same address, the same length.
/// 2. The bytes stay where they are when the buffer is moved, also to another thread. So an array cannot implement it.
/// 3. Nothing changes or frees them: not another clone of the buffer, not a thread, not `bytes` itself. So a type whose
///    bytes others can reach and change, such as `Arc<Mutex<…>>` or mapped memory, cannot implement it. One whose bytes
///    others can only read, such as `Arc<[u8]>`, can.
///
/// `bytes` may panic. A panic before the operation has begun goes to its caller.
pub unsafe trait IoBuf: Send + 'static {
    /// Returns the bytes.
    fn bytes(&self) -> &[u8];
}

/// Room to read into.
///
/// It is implemented for `Vec<u8>`, whose room is its capacity, and for `Box<[u8]>`, whose room is all of it.
///
/// Safe code can ask for the room, but can neither read it nor write to it:
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
/// The promises of [`IoBuf`] hold for the room as well. From the time that an operation receives the buffer until it
/// returns or drops it:
///
/// 1. [`room`](IoBufMut::room) returns the same room each time it is called, and all of it may be written to.
/// 2. The room stays where it is when the buffer is moved, also to another thread.
/// 3. Nothing else reads, changes or frees it.
/// 4. After `set_len(len)` the first `len` bytes of the room are at the beginning of [`bytes`](IoBuf::bytes), and
///    everything that `bytes` returns is initialized. The kernel may have written to the rest of the room too.
pub unsafe trait IoBufMut: IoBuf {
    /// Returns all the room there is, whatever it contains and whether or not it is initialized. Reading starts at its
    /// beginning.
    ///
    /// It is a raw pointer, because safe code must be able neither to read uninitialized bytes nor to make bytes
    /// uninitialized. Code that writes through it promises to write initialized bytes.
    fn room(&mut self) -> *mut [u8];

    /// Says that the first `len` bytes of the room have been read into.
    ///
    /// # Safety
    ///
    /// The room has at least `len` bytes, and the first `len` of them are initialized.
    unsafe fn set_len(&mut self, len: usize);
}

// SAFETY: on the heap, and the vector is its only owner. While the kernel has the bytes, nobody looks at them through
// the vector or the box.
unsafe impl IoBuf for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// The room is the vector's capacity. Afterwards its length is what was read.
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

/// The room is all of the box, and its length stays.
// SAFETY: on the heap, and all of it is always initialized.
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

// SAFETY: on the heap, and `Arc::get_mut` returns it to nobody while the operation has a reference.
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

/// A buffer of our own, at the beginning of a page. malloc puts large buffers 16 bytes after that, where the kernel's
/// copying takes up to six times as long on some processors.
#[derive(Default)]
pub(crate) struct Pages {
    /// The capacity is the room; the vector has no elements.
    pages: Vec<Page>,
    /// How many bytes are initialized.
    len: usize,
}

impl Pages {
    pub(crate) const fn new() -> Pages {
        Pages { pages: Vec::new(), len: 0 }
    }

    fn room_len(&self) -> usize {
        self.pages.capacity() * PAGE
    }

    /// Empties it, and makes room for at least so many bytes.
    pub(crate) fn make_room(&mut self, len: usize) {
        self.len = 0;
        if self.room_len() < len {
            self.pages = Vec::with_capacity(len.div_ceil(PAGE));
        }
    }

    /// Empties it, and frees the memory if it is more than for so many bytes.
    pub(crate) fn empty(&mut self, most: usize) {
        self.len = 0;
        if self.room_len() > most.next_multiple_of(PAGE) {
            self.pages = Vec::new();
        }
    }

    /// Sets its contents to `parts`, one after the other, but no more than `most` bytes of them.
    pub(crate) fn fill(&mut self, parts: &[IoSlice<'_>], most: usize) {
        let len = most.min(parts.iter().fold(0, |len, part| part.len().saturating_add(len)));
        self.make_room(len);
        for part in parts {
            let part = &part[..part.len().min(len - self.len)];
            // SAFETY: there is room for `len` bytes, of which `self.len` are in use, and nobody else has it, so they do
            // not overlap. Afterwards they are initialized.
            unsafe {
                let end = self.room().cast::<u8>().add(self.len);
                ptr::copy_nonoverlapping(part.as_ptr(), end, part.len());
                self.set_len(self.len + part.len());
            }
        }
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes of the vector's allocation are initialized.
        unsafe { slice::from_raw_parts(self.pages.as_ptr().cast(), self.len) }
    }
}

// SAFETY: on the heap, and this is its only owner.
unsafe impl IoBuf for Pages {
    fn bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: on the heap, and what is read starts where the bytes do.
unsafe impl IoBufMut for Pages {
    fn room(&mut self) -> *mut [u8] {
        ptr::slice_from_raw_parts_mut(self.pages.as_mut_ptr().cast(), self.room_len())
    }

    unsafe fn set_len(&mut self, len: usize) {
        self.len = len;
    }
}
