//! What the tests of files share.

use crate::support::{Boxed, Watchdog};
use ayi::runtime::{Builder, Runtime};
use ayi::time::timeout;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A folder of the test's own, which is removed when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ayi-test-{}-{count}", std::process::id()));
        // An earlier process with this number may have been killed.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Makes a file, and returns its path.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the path ends with a zero.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn runtime(io_uring: bool) -> Runtime {
    Builder::new_current_thread().io_uring(io_uring).build().unwrap()
}

/// Runs `body` in a runtime with io_uring, if the machine has it, or in one without.
#[track_caller]
pub fn with<T>(io_uring: bool, body: impl AsyncFnOnce() -> T) -> T {
    let _watchdog = Watchdog::new();
    let body: Boxed<'_, T> = Box::pin(body());
    runtime(io_uring)
        .block_on(timeout(Duration::from_secs(50), body))
        .unwrap_or_else(|_| panic!("waits for what never comes; io_uring: {io_uring}"))
}

/// Runs `body` with io_uring, and then without.
#[track_caller]
pub fn both(body: impl AsyncFn()) {
    for io_uring in [true, false] {
        with(io_uring, &body);
    }
}

/// Checks that both have the same value, or the same error.
#[track_caller]
pub fn same<T: PartialEq + Debug>(ours: io::Result<T>, std: io::Result<T>, what: impl Debug) {
    let comparable = |error: io::Error| (error.kind(), error.raw_os_error());
    assert_eq!(ours.map_err(comparable), std.map_err(comparable), "{what:?}");
}

/// Pseudo-random numbers (xorshift), the same each time.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// Makes a pipe: the end for reading, and the end for writing.
pub fn pipe() -> (std::fs::File, std::fs::File) {
    use std::os::fd::FromRawFd;
    let mut fds = [0; 2];
    // SAFETY: there is room for two descriptors, which are ours then.
    unsafe {
        assert_eq!(libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (std::fs::File::from_raw_fd(fds[0]), std::fs::File::from_raw_fd(fds[1]))
    }
}

/// Returns how many descriptors this process has open.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
