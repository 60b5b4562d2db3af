//! Who is at the other end. In tokio: `net/unix/ucred.rs`.

/// The credentials of a process, as [`UnixStream::peer_cred`](super::UnixStream::peer_cred) gives them.
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
