//! Directories as the C library shows them: streams, the working directory, and paths without links.

use super::descriptors::close;
use super::paths::{on_path, openat, or_call};
use super::{simulate, simulate_on};
use crate::disk::Entry;
use crate::kernel::descriptors::{BASE, Fd};
use crate::kernel::files::Path;
use crate::real;
use libc::{AT_FDCWD, DIR, c_char, c_long, c_void, dirent64};

/// The beginning of a stream that is this module's. The C library's begins with a descriptor and a lock, which is 0 or
/// small.
const MARK: u64 = 0x6179_692d_6469_7221;

/// A stream of a simulated directory.
#[repr(C)]
struct Stream {
    mark: u64,
    fd: Fd,
    /// What is in the directory, once it has been read.
    listing: Option<Vec<Entry>>,
    next: usize,
    /// What `readdir` has returned last.
    entry: dirent64,
}

fn new_stream(fd: Fd) -> *mut c_void {
    // SAFETY: all zeros is a valid entry.
    let entry = unsafe { std::mem::zeroed() };
    Box::into_raw(Box::new(Stream { mark: MARK, fd, listing: None, next: 0, entry })).cast()
}

/// # Safety
///
/// It is a stream that is open, which nobody else uses.
unsafe fn stream<'a>(dir: *mut c_void) -> Option<&'a mut Stream> {
    // SAFETY: the caller's promise: both kinds begin with as many bytes.
    let is_ours = unsafe { dir.cast::<u64>().read() } == MARK;
    // SAFETY: the caller's promise, and `new_stream` has made it.
    is_ours.then(|| unsafe { &mut *dir.cast::<Stream>() })
}

/// # Safety
///
/// Those of opendir(3).
pub unsafe fn opendir(path: *const c_void) -> *mut c_void {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: the caller's promise.
    let fd = unsafe { openat(AT_FDCWD, path, flags, 0) };
    if fd < 0 {
        return std::ptr::null_mut();
    }
    // SAFETY: the descriptor was just opened, and is given away.
    unsafe { fdopendir(fd) }
}

/// # Safety
///
/// Those of fdopendir(3).
pub unsafe fn fdopendir(fd: i32) -> *mut c_void {
    if fd < BASE {
        // SAFETY: the caller's promise.
        return unsafe { real::fdopendir(fd) }.cast();
    }
    let is_directory = simulate_on("fdopendir", fd, |kernel| {
        let (stat, _) = kernel.stat_file(fd).map_err(|_| libc::ENOTDIR)?;
        if stat.mode & libc::S_IFMT == libc::S_IFDIR { Ok(0) } else { Err(libc::ENOTDIR) }
    });
    if is_directory == Some(0) { new_stream(fd) } else { std::ptr::null_mut() }
}

/// # Safety
///
/// Those of readdir(3).
pub unsafe fn readdir64(dir: *mut c_void) -> *mut c_void {
    // SAFETY: the caller's promise.
    let Some(stream) = (unsafe { stream(dir) }) else {
        // SAFETY: the caller's promise.
        return unsafe { real::readdir64(dir.cast::<DIR>()) }.cast();
    };
    if stream.listing.is_none() {
        let fd = stream.fd;
        let mut listing = None;
        let read = simulate_on("getdents64", fd, |kernel| {
            let entries = kernel.list_directory(fd)?;
            let count = entries.len();
            listing = Some(entries);
            Ok(count as i64)
        });
        if read.is_none_or(|count| count < 0) {
            return std::ptr::null_mut();
        }
        stream.listing = listing;
    }
    let Some(entry) = stream.listing.as_ref().and_then(|listing| listing.get(stream.next)) else {
        return std::ptr::null_mut();
    };
    stream.next += 1;
    let to = &mut stream.entry;
    (to.d_ino, to.d_off) = (entry.ino, stream.next as i64);
    to.d_reclen = size_of::<dirent64>() as u16;
    // The types of readdir(3) are those of a mode, shifted: `IFTODT`.
    to.d_type = (entry.kind >> 12) as u8;
    to.d_name = [0; 256];
    for (to, byte) in to.d_name[..255].iter_mut().zip(&entry.name) {
        *to = *byte as c_char;
    }
    (&raw mut stream.entry).cast()
}

/// # Safety
///
/// Those of readdir(3).
pub unsafe fn readdir(dir: *mut c_void) -> *mut c_void {
    // SAFETY: the caller's promise. Both have the same layout where a `long` has 64 bits.
    unsafe { readdir64(dir) }
}

/// # Safety
///
/// Those of rewinddir(3).
pub unsafe fn rewinddir(dir: *mut c_void) {
    // SAFETY: the caller's promise.
    match unsafe { stream(dir) } {
        Some(stream) => (stream.listing, stream.next) = (None, 0),
        // SAFETY: the caller's promise.
        None => unsafe { real::rewinddir(dir.cast()) },
    }
}

/// # Safety
///
/// Those of dirfd(3).
pub unsafe fn dirfd(dir: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    match unsafe { stream(dir) } {
        Some(stream) => stream.fd,
        // SAFETY: the caller's promise.
        None => unsafe { real::dirfd(dir.cast()) },
    }
}

/// # Safety
///
/// Those of closedir(3).
pub unsafe fn closedir(dir: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    if unsafe { stream(dir) }.is_none() {
        // SAFETY: the caller's promise.
        return unsafe { real::closedir(dir.cast()) };
    }
    // SAFETY: `new_stream` has leaked it, and the caller gives it back.
    let stream = unsafe { Box::from_raw(dir.cast::<Stream>()) };
    // SAFETY: the descriptor is the stream's.
    unsafe { close(stream.fd) }
}

/// Copies a string that the simulation has made, for a caller who frees it or has given room for it.
///
/// # Safety
///
/// `to` is null, or there is room for `room` bytes.
unsafe fn give(text: &[u8], to: *mut c_char, room: usize) -> *mut c_char {
    let to = match to.is_null() {
        // SAFETY: it takes no pointers.
        true => unsafe { libc::malloc(room.max(text.len() + 1)) }.cast::<c_char>(),
        false => to,
    };
    if to.is_null() {
        return to;
    }
    // SAFETY: there is room for the text and a zero: the callers have looked, or it was made above.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast::<u8>(), text.len());
        to.add(text.len()).write(0);
    }
    to
}

/// # Safety
///
/// Those of realpath(3).
pub unsafe fn realpath(path: *const c_void, to: *mut c_void) -> *mut c_void {
    let mut found = Vec::new();
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("realpath", AT_FDCWD, path, |kernel, path| {
            found = kernel.real_path(path)?;
            Ok(0)
        })
    };
    match answer {
        // SAFETY: as above: there is room for PATH_MAX bytes, which no path exceeds that was resolved.
        Some(0) => unsafe { give(&found, to.cast(), 0) }.cast(),
        Some(_) => std::ptr::null_mut(),
        // SAFETY: as above.
        None => unsafe { real::realpath(path.cast(), to.cast()) }.cast(),
    }
}

/// # Safety
///
/// Those of getcwd(3).
pub unsafe fn getcwd(to: *mut c_void, room: usize) -> *mut c_void {
    let mut found = Vec::new();
    let answer = simulate("getcwd", |kernel| {
        found = kernel.working_directory()?;
        match (to.is_null(), room) {
            (false, 0) => Err(libc::EINVAL),
            (true, 0) => Ok(0),
            (_, room) if room <= found.len() => Err(libc::ERANGE),
            _ => Ok(0),
        }
    });
    match answer {
        // SAFETY: the caller's promise, and the room is enough.
        Some(0) => unsafe { give(&found, to.cast(), room) }.cast(),
        Some(_) => std::ptr::null_mut(),
        // SAFETY: the caller's promise.
        None => unsafe { real::getcwd(to.cast(), room) }.cast(),
    }
}

/// # Safety
///
/// Those of chdir(2).
pub unsafe fn chdir(path: *const c_void) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("chdir", AT_FDCWD, path, |kernel, path| kernel.change_directory(path, false).map(|()| 0))
    };
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_chdir, [path as c_long, 0, 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn fchdir(fd: i32) -> i32 {
    let answer = simulate_on("fchdir", fd, |kernel| {
        kernel.change_directory(Path { base: fd, bytes: b"" }, true).map(|()| 0)
    });
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_fchdir, [fd.into(), 0, 0, 0, 0, 0]) as i32 }
}
