//! A process whose end can be awaited.
//!
//! The kernel object for this is the pidfd: a descriptor that stands for a process and becomes readable when it has
//! ended (pidfd_open(2)). So a child is a source in the reactor like a socket. No SIGCHLD is needed, which would be
//! one signal for all children, and the program's to handle; and no thread that sits in waitpid(2).
//!
//! Where pidfds are refused, or `AYI_NO_PIDFD` is set in the environment, a timer asks again and again.
//!
//! Invariants:
//! 1. A pid is the child's own until it is reaped, and only this reaps it, through std's `Child`. So what is opened by
//!    the pid right after the start is the child, even if it has ended by then.
//! 2. Readable means that waitpid(2) has an answer. It is the answer that counts: whoever waits asks for it first, so a
//!    child that has ended already never enters epoll.
//! 3. The registration is declared, and so dropped, before the descriptor.
//!
//! In tokio: `process/unix/pidfd_reaper.rs`, and `process/unix/reap.rs` for the fallback, which there is SIGCHLD.

use super::sys;
use ayi_runtime::io::{Interest, Registration};
use ayi_runtime::runtime::Handle;
use ayi_runtime::time::sleep;
use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// Without a pidfd: how soon it is asked again, at first and in the end. Most children that are awaited are short, and
/// twenty questions a second are no load.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(1);
const ASK_AGAIN_AT_LEAST_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Watched {
    registration: Registration,
    /// `None` where it is refused.
    pidfd: Option<OwnedFd>,
    child: Child,
}

impl Watched {
    /// Not with a pidfd yet.
    pub(super) fn new(child: Child) -> Watched {
        Watched { registration: Registration::new(), pidfd: None, child }
    }

    /// Right after the start (invariant 1).
    pub(super) fn open_pidfd(&mut self) -> io::Result<()> {
        self.pidfd = pidfd_open(self.id())?;
        Ok(())
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Reaps the child if it has ended.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for the end, and reaps the child. Cancel safe: it is reaped in the poll that returns its status.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Watched { registration, pidfd, child } = self;
        let mut reap = || child.try_wait()?.ok_or_else(|| io::ErrorKind::WouldBlock.into());
        match pidfd {
            Some(pidfd) => registration.async_io(pidfd.as_fd(), Interest::READABLE, reap, |_| false).await,
            None => ask_again_and_again(&mut reap).await,
        }
    }

    /// Unties it from the runtime in which it has waited: from now on it can wait in any.
    pub(super) fn leave_runtime(&mut self) {
        let registration = mem::take(&mut self.registration);
        if let Some(pidfd) = &self.pidfd {
            registration.deregister(pidfd.as_fd());
        }
    }

    pub(super) fn into_std(self) -> Child {
        self.child
    }
}

/// Takes the place of a pidfd before the child is started, and finds out whether they are refused: if there is no room
/// for one, nothing has been started yet.
pub(super) fn reserve_pidfd() -> io::Result<Option<OwnedFd>> {
    pidfd_open(std::process::id())
}

fn pidfd_open(pid: u32) -> io::Result<Option<OwnedFd>> {
    if std::env::var_os("AYI_NO_PIDFD").is_some() {
        return Ok(None);
    }
    sys::pidfd_open(pid)
}

/// Without a pidfd.
async fn ask_again_and_again(reap: &mut impl FnMut() -> io::Result<ExitStatus>) -> io::Result<ExitStatus> {
    let mut pause = ASK_AGAIN_AFTER;
    loop {
        match reap() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        // Where there is none, a timer would panic.
        Handle::try_current().map_err(io::Error::other)?;
        sleep(pause).await;
        pause = (pause * 2).min(ASK_AGAIN_AT_LEAST_EVERY);
    }
}
