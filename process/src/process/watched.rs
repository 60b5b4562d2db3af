//! A process whose end can be awaited.
//!
//! The kernel object for this is the pidfd: a descriptor that stands for a process and becomes readable when it has
//! ended (pidfd_open(2)). So a child is a source in the reactor like a socket. This needs no SIGCHLD, which is one
//! signal for all children and belongs to the program, and no thread that sits in waitpid(2).
//!
//! If pidfds are refused, or `AYI_NO_PIDFD` is set in the environment, a timer asks again and again.
//!
//! Invariants:
//! 1. A pid is the child's own until it is reaped, and only this module reaps it, through std's `Child`. So a pidfd
//!    that is opened by the pid right after the start is the child's, even if the child has ended by then.
//! 2. Readable means that waitpid(2) has an answer. Only the answer counts: a waiting task asks for it first, so a
//!    child that has ended already never enters epoll.
//! 3. The registration is declared, and so dropped, before the descriptor.
//! 4. A child belongs to its parent. In a process that was forked since, it is neither killed nor reaped.
//!
//! In tokio: `process/unix/pidfd_reaper.rs`, and `process/unix/reap.rs` for the fallback, which is SIGCHLD there.

use super::sys;
use ayi_runtime::io::{Interest, Registration};
use ayi_runtime::runtime::Handle;
use ayi_runtime::time::{Sleep, sleep};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::process::{Child, ExitStatus};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The first pause between questions without a pidfd. Most children that are awaited are short. The longest pause gives
/// twenty questions a second, which are no load.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(1);
const ASK_AGAIN_AT_LEAST_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Watched {
    registration: Registration,
    /// `None` if it is refused.
    pidfd: Option<OwnedFd>,
    /// `Some` without a pidfd, while a task waits.
    asking: Option<Asking>,
    child: Child,
    /// The process whose child it is.
    parent: u32,
}

/// The pause before the next question.
#[derive(Debug)]
struct Asking {
    pause: Duration,
    sleep: Sleep,
}

impl Watched {
    /// Wraps a child, without a pidfd yet.
    pub(super) fn new(child: Child) -> Watched {
        let parent = std::process::id();
        Watched { registration: Registration::new(), pidfd: None, asking: None, child, parent }
    }

    /// Opens the pidfd. This comes right after the start (invariant 1).
    pub(super) fn open_pidfd(&mut self) -> io::Result<()> {
        self.pidfd = pidfd_open(self.id())?;
        Ok(())
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it is a child of this process: invariant 4.
    pub(super) fn is_ours(&self) -> bool {
        self.parent == std::process::id()
    }

    /// Sends SIGKILL, by the pidfd if there is one: if other code has reaped the child, its number may be another's.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        match self.pidfd.as_ref().map(|pidfd| sys::pidfd_kill(pidfd.as_fd())) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) if error.raw_os_error() == Some(libc::ESRCH) => Err(error),
            // The sandbox may know only kill(2).
            Some(Err(_)) | None => self.child.kill(),
        }
    }

    /// Reaps the child if it has ended.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for the end, and reaps the child. It is cancel safe: the poll that returns the status is the one that
    /// reaps.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some(pidfd) = &self.pidfd else {
            self.asking = None;
            return poll_fn(|cx| self.poll_asking(cx)).await;
        };
        let (registration, child) = (&self.registration, &mut self.child);
        registration.async_io(pidfd.as_fd(), Interest::READABLE, || reap(child), |_| false).await
    }

    /// Polls like `wait`, for a caller that always has the same waker and waits in one runtime.
    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let Some(pidfd) = &self.pidfd else { return self.poll_asking(cx) };
        let (registration, child) = (&self.registration, &mut self.child);
        registration.poll_io(pidfd.as_fd(), Interest::READABLE, cx, || reap(child), |_| false)
    }

    /// Polls without a pidfd.
    fn poll_asking(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        loop {
            match reap(&mut self.child) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
            if self.asking.is_none() {
                // Without a runtime, a timer would panic.
                Handle::try_current().map_err(io::Error::other)?;
                self.asking = Some(Asking { pause: ASK_AGAIN_AFTER, sleep: sleep(ASK_AGAIN_AFTER) });
            }
            let asking = self.asking.as_mut().expect("it is set above");
            ready!(Pin::new(&mut asking.sleep).poll(cx));
            asking.pause = (asking.pause * 2).min(ASK_AGAIN_AT_LEAST_EVERY);
            asking.sleep = sleep(asking.pause);
        }
    }

    /// Unties it from the runtime in which it has waited, on whatever thread that is. It then has a new descriptor,
    /// which no epoll knows. If there is no room for one, it has none, and a timer asks.
    pub(super) fn leave_runtime(&mut self) {
        self.asking = None;
        drop(mem::take(&mut self.registration));
        if self.pidfd.take().is_some() {
            self.pidfd = pidfd_open(self.id()).unwrap_or_default();
        }
    }
}

/// Asks once.
fn reap(child: &mut Child) -> io::Result<ExitStatus> {
    child.try_wait()?.ok_or_else(|| ErrorKind::WouldBlock.into())
}

/// Takes the place of a pidfd before the child is started, and finds out whether pidfds are refused. If there is no
/// room for one, nothing has been started yet.
pub(super) fn reserve_pidfd() -> io::Result<Option<OwnedFd>> {
    pidfd_open(std::process::id())
}

fn pidfd_open(pid: u32) -> io::Result<Option<OwnedFd>> {
    if std::env::var_os("AYI_NO_PIDFD").is_some() {
        return Ok(None);
    }
    sys::pidfd_open(pid)
}
