//! Signals of any kind.
//!
//! Invariants:
//! 1. A signal that comes after [`signal`] has returned is received, or coalesced with one that is: the eventfd
//!    remembers it (see `bell`), whatever runtime or thread the listener waits in, or has waited in before.
//! 2. A receive that is not finished has taken nothing.
//! 3. A signal is received in the process that it was sent to. In a child of fork(2) a listener takes a bell of the
//!    child's own when it is next polled, and does not touch the parent's descriptor.
//!
//! In tokio: `signal/unix.rs`.

use super::bell::{Bell, is_forbidden};
pub use super::kind::SignalKind;
use super::lull;
use ayi_runtime::io::{Interest, Registration};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Starts listening to signals of this `kind`.
///
/// From now on their default action does not happen, which for most is to end the process. That stays so when the
/// listener is dropped, see [`Signal`]. Every signal that comes after this has returned is received, even long before
/// the first [`recv`](Signal::recv).
///
/// Any number of listeners, in any runtimes and threads, receive the same signal. This need not be called in a runtime;
/// [`recv`](Signal::recv) must.
///
/// # Errors
///
/// Returns `InvalidInput` for signals that nobody can listen to (`SIGKILL`, `SIGSTOP`, `SIGSEGV`, `SIGILL`, `SIGFPE`)
/// and for numbers that are no signals. It also fails if there are no file descriptors left.
///
/// # Examples
///
/// ```
/// use ayi::signal::unix::{SignalKind, signal};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let this_process = || std::process::id().to_string();
/// let mut reload = signal(SignalKind::user_defined1())?;
/// std::process::Command::new("sh").args(["-c", "kill -USR1 $0", &this_process()]).status()?;
/// reload.recv().await;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    let number = kind.as_raw_value();
    let invalid = |why: fmt::Arguments<'_>| {
        io::Error::new(ErrorKind::InvalidInput, format!("cannot listen to signal {number}: {why}"))
    };
    if is_forbidden(number) {
        return Err(invalid(format_args!(
            "SIGKILL and SIGSTOP are never delivered, and SIGSEGV, SIGILL and SIGFPE come from an instruction that \
             would fail again for ever. To be told before the process ends, listen to SIGTERM and SIGINT"
        )));
    }
    match Bell::hang_up(number) {
        Ok(bell) => {
            lull::hand_over(&bell);
            Ok(Signal { registration: Registration::new(), bell: Arc::new(bell) })
        }
        Err(error) if error.kind() == ErrorKind::InvalidInput => Err(invalid(format_args!(
            "there is no such signal, or the C library keeps it for itself. `kill -l` lists those that there are; \
             better than numbers are the constructors of SignalKind"
        ))),
        Err(error) => Err(error),
    }
}

/// A receiver of signals of one kind, made by [`signal`].
///
/// Signals may be coalesced: the kernel keeps one of each kind that waits to be delivered, and all that are delivered
/// before a [`recv`](Signal::recv) are received as one. So what is received stands for *at least* one signal. A signal
/// that comes after a `recv` has finished is always received by the next.
///
/// What a listener has not received when it is dropped, the next one of its kind receives, if it is made by the same
/// thread before the runtime's next turn: nothing is lost if `select!` in a loop makes a listener each time around. One
/// that is made later hears only what comes after it.
///
/// When the last listener is dropped, the process's handler for this kind of signal stays, and does nothing: the
/// default action does not come back. A program that has listened to `SIGINT` once can no longer be ended by Ctrl-C,
/// unless it ends itself.
///
/// It may be sent to another thread, and be awaited in another runtime than before.
///
/// A signal that is sent to a child process belongs to the child, and is never received here: neither between fork(2)
/// and execve(2), as [`Command`](std::process::Command) calls them, nor in a worker that runs on after a fork(2) by the
/// program. In such a worker a listener that was made before the fork receives the worker's signals, from the fork on,
/// if it is polled in a runtime that the worker has made.
///
/// # Examples
///
/// ```no_run
/// use ayi::signal::unix::{SignalKind, signal};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut terminate = signal(SignalKind::terminate())?;
/// terminate.recv().await;
/// println!("finishing what is under way");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[must_use = "a listener that is dropped hears nothing"]
#[derive(Debug)]
pub struct Signal {
    // It stands before the descriptor, so that it is dropped first.
    registration: Registration,
    bell: Arc<Bell>,
}

impl Signal {
    /// Waits for the next signal, or takes those that have come since the last one was received.
    ///
    /// It never returns `None`: the signature is tokio's.
    ///
    /// # Panics
    ///
    /// Panics if there is no runtime on this thread, or it ends.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped: the next call receives the signal.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ayi::signal::unix::{SignalKind, signal};
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut resized = signal(SignalKind::window_change())?;
    /// while let Some(()) = resized.recv().await {
    ///     println!("drawing everything again");
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn recv(&mut self) -> Option<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next signal, like [`recv`](Signal::recv).
    ///
    /// # Panics
    ///
    /// Panics like `recv`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ayi::signal::unix::{SignalKind, signal};
    /// use std::future::poll_fn;
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut hangup = signal(SignalKind::hangup())?;
    /// poll_fn(|cx| hangup.poll_recv(cx)).await;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        match ready!(self.poll_wait(cx)) {
            Ok(()) => Poll::Ready(Some(())),
            Err(error) => panic!("waiting for a signal: {error}"),
        }
    }

    /// Waits like `recv`, and returns an error instead of panicking.
    pub(super) async fn wait(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.bell.is_ours() {
            self.renew()?;
        }
        match ready!(self.poll_here(cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            // Reading an eventfd never fails, so the error concerns the runtime. The listener may have waited in
            // another before.
            Err(_) => {
                mem::take(&mut self.registration).deregister(self.bell.as_fd());
                self.poll_here(cx)
            }
        }
    }

    /// Takes a new bell after a fork: invariant 3.
    #[cold]
    fn renew(&mut self) -> io::Result<()> {
        let bell = Arc::new(self.bell.renew()?);
        // `deregister` would take the parent's descriptor out of the parent's epoll.
        self.registration = Registration::new();
        self.bell = bell;
        Ok(())
    }

    fn poll_here(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = || self.bell.answer();
        // The read took everything, because it sets an eventfd back to 0. It need not be asked again before the next
        // report.
        let takes_all = |_: &()| true;
        self.registration.poll_io(self.bell.as_fd(), Interest::READABLE, cx, answer, takes_all)
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        lull::keep(&self.bell);
    }
}
