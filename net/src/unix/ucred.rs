//! Who is at the other end. In tokio: `net/unix/ucred.rs`.

/// The credentials of a process, as [`UnixStream::peer_cred`](super::UnixStream::peer_cred) gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UCred {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) pid: Option<i32>,
}

impl UCred {
    /// The user id.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The group id.
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// The process id. `None` if it is not in this process's namespace.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }
}
