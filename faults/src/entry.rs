//! Operations of the ring: faults in an entry before the kernel has it.

use crate::dice::{Call, is_hard, is_whole, note, note_hard, throw};
use io_uring::squeue::Entry;
use libc::c_int;

/// The beginning of `struct io_uring_sqe`: io_uring(7).
#[repr(C)]
struct Head {
    opcode: u8,
    flags: u8,
    priority: u16,
    fd: i32,
    offset: u64,
    addr: u64,
    len: u32,
}

const READV: u8 = 1;
const WRITEV: u8 = 2;
const FSYNC: u8 = 3;
const OPENAT: u8 = 18;
const READ: u8 = 22;
const WRITE: u8 = 23;

/// Returns the error with which an operation ends before it has begun. It may also shorten the entry.
pub(crate) fn on_submit(entry: &mut Entry) -> Option<c_int> {
    let head: *mut Entry = entry;
    // SAFETY: an entry is the kernel's structure and begins with that, and nobody else has it.
    let head = unsafe { &mut *head.cast::<Head>() };
    let errors: &[c_int] = match head.opcode {
        READ | READV | FSYNC => &[libc::EIO],
        WRITE | WRITEV => &[libc::EIO, libc::ENOSPC],
        OPENAT => &[libc::EMFILE, libc::ENFILE, libc::ENOMEM],
        _ => return None,
    };
    let mut dice = throw(Call::Submit)?;
    if is_hard(&mut dice) {
        let errno = dice.pick(errors);
        note_hard("an entry", errno);
        return Some(errno);
    }
    // With several buffers, the length is their number.
    let has_parts = matches!(head.opcode, READ | READV | WRITE | WRITEV) && head.len > 1 && !is_whole();
    if has_parts && dice.one_in(2) {
        note("an entry", "moves less", 0);
        head.len = dice.part_of(head.len as usize) as u32;
        return None;
    }
    note("an entry", "fails", libc::EINTR);
    Some(libc::EINTR)
}
