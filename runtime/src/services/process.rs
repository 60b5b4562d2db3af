//! Which process this is: a forked child must not touch its parent's epoll.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The identity of a process. A forked child has another one than its parent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn current() -> Process {
        Process(process())
    }
}

/// Returns a number for this process. A child that is forked from it has another number.
///
/// The number lies in a page that the kernel clears in each child, see `MADV_WIPEONFORK` in madvise(2). So reading it
/// is a load. Before Linux 4.14 there is no such page. Then the number is the process's id, which costs a system call.
fn process() -> u32 {
    static PAGE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();
    /// This is copied to each child like all memory, so that the child's next number is none of its parent's.
    static LAST: AtomicU32 = AtomicU32::new(0);
    let Some(number) = PAGE.get_or_init(page_that_children_find_empty) else { return std::process::id() };
    // Relaxed for all of them: the numbers order nothing else, and a child begins with one thread.
    match number.load(Ordering::Relaxed) {
        0 => {
            let new = LAST.fetch_add(1, Ordering::Relaxed) + 1;
            number.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed).err().unwrap_or(new)
        }
        number => number,
    }
}

fn page_that_children_find_empty() -> Option<&'static AtomicU32> {
    if cfg!(miri) {
        return None;
    }
    const BYTES: usize = 4096;
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: new memory, at a place that the kernel chooses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), BYTES, access, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the page was mapped just now, and nobody else knows it.
    if unsafe { libc::madvise(page, BYTES, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: as above.
        unsafe { libc::munmap(page, BYTES) };
        return None;
    }
    // SAFETY: zeros are a valid AtomicU32, a page is aligned for it, and it is never unmapped.
    Some(unsafe { &*page.cast::<AtomicU32>() })
}
