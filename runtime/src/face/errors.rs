//! The messages for callers who cannot wait where they are.

use crate::core::current;
use std::fmt;
use std::io;

pub(crate) const NO_RUNTIME: &str = "there is no ayi runtime on this thread: call this from inside Runtime::block_on or #[ayi::main]. On other threads, use \
     a runtime's Handle: Handle::spawn, Handle::block_on";
pub(crate) const NOT_HERE: &str = "this thread has only entered the runtime of another thread (Handle::enter), and a future that is not Send \
     cannot go there: use Handle::spawn";
pub(crate) const NO_TIMERS_HERE: &str = "this thread has only entered the runtime of another thread (Handle::enter), and timers are of that one: \
     use them in Handle::block_on, or in a task that Handle::spawn makes";
pub(crate) const NEVER_BLOCKS: &str = "epoll cannot wait for this kind of descriptor, since it never blocks for long: a regular file or a directory. \
     Use spawn_blocking for it";
pub(crate) const SHUT_DOWN: &str = "the ayi runtime has been shut down: nothing can wait in it any more. A socket goes on in another one, \
     when it is polled there";

pub(crate) const ON_ANOTHER_THREAD: &str =
    "another thread is in this runtime, and a future that is not Send cannot go there: use Handle::spawn";
pub(crate) const LEAKED: &str = "a runtime was dropped on another thread than the one that was in it last, where it has tasks whose futures need not be \
     Send: it is leaked, and so are they. Drop it on its thread, or spawn what is Send by Handle::spawn";
pub(crate) const TIED_TO_ITS_THREAD: &str = "this runtime cannot leave the thread that was in it last: it has tasks there whose futures need not be Send, \
     or file operations that are not complete. Call this on that thread, or spawn what is Send by Handle::spawn";

pub(crate) fn shut_down() -> io::Error {
    io::Error::other(ShutDown)
}

#[derive(Debug)]
struct ShutDown;

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl std::error::Error for ShutDown {}

/// Returns whether an error says that the runtime has ended in which something waited or was to wait.
///
/// # Examples
///
/// ```
/// let error = std::io::Error::other("something else");
/// assert!(!ayi::runtime::is_rt_shutdown_err(&error));
/// ```
pub fn is_rt_shutdown_err(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<ShutDown>())
}

/// The error of [`Handle::try_current`](crate::runtime::Handle::try_current): there is no runtime on this thread.
///
/// # Examples
///
/// ```
/// use ayi::runtime::Handle;
/// println!("{}", Handle::try_current().unwrap_err());
/// ```
#[derive(Debug)]
pub struct TryCurrentError(pub(crate) ());

impl TryCurrentError {
    /// Returns whether no runtime is entered on this thread. There is no other reason.
    pub fn is_missing_context(&self) -> bool {
        true
    }

    /// Returns whether the thread is ending, so that it no longer knows its runtime. ayi knows it until the end.
    pub fn is_thread_local_destroyed(&self) -> bool {
        false
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_RUNTIME)
    }
}

impl std::error::Error for TryCurrentError {}

/// Returns why no runtime on this thread has timers.
#[cold]
pub(crate) fn why_no_timer() -> &'static str {
    if is_in_a_runtime() { NO_TIMERS_HERE } else { NO_RUNTIME }
}

pub(crate) fn is_in_a_runtime() -> bool {
    current::afar().is_some() || current::current().is_some()
}
