//! The signals that ask a program to end.

use super::unix::{Signal, SignalKind, signal};
use std::future::poll_fn;
use std::io;
use std::task::Poll;

/// Starts listening to the signals that ask a program to end: `SIGTERM`, which `kill`, systemd and Kubernetes send, and
/// `SIGINT`, which is Ctrl-C.
///
/// From now on they do not end the process. On the first signal a server finishes what is under way, see
/// [`runtime::shutdown`](ayi_runtime::runtime::shutdown), and on the second it ends at once.
///
/// # Errors
///
/// Fails if there are no file descriptors left.
///
/// # Examples
///
/// ```no_run
/// use ayi::signal::termination;
/// use ayi::{runtime::shutdown, time::Duration};
/// use std::{future::poll_fn, pin::pin, process::exit, task::Poll};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut termination = termination()?;
/// termination.recv().await;
/// // In a program this is `ayi::select!`.
/// let (mut ended, mut again) = (pin!(shutdown(Duration::from_secs(15))), pin!(termination.recv()));
/// poll_fn(|cx| {
///     if let Poll::Ready(signal) = again.as_mut().poll(cx) {
///         exit(128 + signal.as_raw_value()); // as a shell would report it
///     }
///     ended.as_mut().poll(cx).map(|report| eprintln!("{report}"))
/// })
/// .await;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn termination() -> io::Result<Termination> {
    let listen = |kind| io::Result::Ok((kind, signal(kind)?));
    let signals = [listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?];
    Ok(Termination { signals })
}

/// A receiver of the signals that ask the program to end, made by [`termination`].
///
/// Like with every [`Signal`], any number of these receive the same signal, for example one on each core.
#[must_use = "a listener that is dropped hears nothing"]
#[derive(Debug)]
pub struct Termination {
    signals: [(SignalKind, Signal); 2],
}

impl Termination {
    /// Waits for the next signal. Signals that have come since the last call count as one of each kind.
    ///
    /// # Panics
    ///
    /// Panics if there is no runtime on this thread, or it ends.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped: the next call receives the signal.
    pub async fn recv(&mut self) -> SignalKind {
        poll_fn(|cx| {
            for (kind, signal) in &mut self.signals {
                if signal.poll_recv(cx).is_ready() {
                    return Poll::Ready(*kind);
                }
            }
            Poll::Pending
        })
        .await
    }
}
