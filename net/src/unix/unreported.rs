//! Waiting for what the kernel does not report, by asking again and again.
//!
//! A listener whose backlog is full, and a datagram socket whose queue is full, make their senders wait (unix(7),
//! connect(2), `EAGAIN`). A thread would sleep in the kernel until there is room. But epoll tells a socket only about
//! its peer, and a socket that is connecting, or that sends without being connected, has none.

use std::io;
use std::time::Duration;

use ayi_runtime::runtime::Handle;
use ayi_runtime::time;

/// The first pause. Each next one is twice as long, up to the longest. A server that is slow for a moment is reached
/// again soon, and one that has stopped costs its clients 20 attempts a second.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The pause for callers that cannot remember how often they have paused.
pub(super) const POLLED_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn next(pause: Duration) -> Duration {
    LONGEST_PAUSE.min(2 * pause)
}

/// Tries until `op` returns anything other than `WouldBlock`.
pub(super) async fn try_again<T>(mut op: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut pause = FIRST_PAUSE;
    loop {
        match op() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => return result,
        }
        // Without a runtime there is no timer, and a sleep would panic.
        Handle::try_current().map_err(io::Error::other)?;
        time::sleep(pause).await;
        pause = next(pause);
    }
}
