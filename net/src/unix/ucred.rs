//! Who is at the other end. In tokio: `net/unix/ucred.rs`.

use crate::unix::{gid_t, pid_t, uid_t};

/// The credentials of a process, from [`UnixStream::peer_cred`](super::UnixStream::peer_cred).
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # use ayi::net::UnixStream;
/// let (stream, _) = UnixStream::pair()?;
/// let who = stream.peer_cred()?; // we are our own peer
/// assert_eq!(who.pid(), Some(std::process::id() as i32));
/// println!("user {}, group {}", who.uid(), who.gid());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UCred {
    pub(super) uid: uid_t,
    pub(super) gid: gid_t,
    pub(super) pid: Option<pid_t>,
}

impl UCred {
    /// Returns the user id.
    pub fn uid(&self) -> uid_t {
        self.uid
    }

    /// Returns the group id.
    pub fn gid(&self) -> gid_t {
        self.gid
    }

    /// Returns the process id, or `None` if the process is not in this process's namespace.
    pub fn pid(&self) -> Option<pid_t> {
        self.pid
    }
}
