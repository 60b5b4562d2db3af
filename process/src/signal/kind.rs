//! The kinds of signals.
//!
//! In tokio: `signal/unix.rs`.

use std::ffi::c_int;

/// A kind of signal, see signal(7). Its default action applies until somebody listens for it.
///
/// # Examples
///
/// ```
/// use ayi::signal::unix::SignalKind;
/// assert_eq!(SignalKind::from_raw(15), SignalKind::terminate());
/// ```
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub struct SignalKind(c_int);

impl SignalKind {
    /// Makes the kind with this number, for signals without a constructor here, such as the real-time signals.
    ///
    /// [`signal`](super::unix::signal()) checks whether there is such a signal.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// assert!(signal(SignalKind::from_raw(40)).is_ok()); // a real-time signal
    /// assert!(signal(SignalKind::from_raw(-1)).is_err());
    /// ```
    pub const fn from_raw(signum: c_int) -> SignalKind {
        SignalKind(signum)
    }

    /// Returns the signal's number.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::SignalKind;
    /// assert_eq!(SignalKind::terminate().as_raw_value(), 15);
    /// ```
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    /// Returns `SIGALRM`: a timer of alarm(2) has run out. It ends the process by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let alarms = signal(SignalKind::alarm())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn alarm() -> SignalKind {
        SignalKind(libc::SIGALRM)
    }

    /// Returns `SIGCHLD`: a child process has stopped, continued or ended. It is ignored by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let children = signal(SignalKind::child())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn child() -> SignalKind {
        SignalKind(libc::SIGCHLD)
    }

    /// Returns `SIGHUP`: the terminal has gone. Sent by hand, it asks many servers to reload their configuration. It
    /// ends the process by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let hangups = signal(SignalKind::hangup())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn hangup() -> SignalKind {
        SignalKind(libc::SIGHUP)
    }

    /// Returns `SIGINT`: somebody has pressed Ctrl-C, see [`ctrl_c`](super::ctrl_c). It ends the process by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let interrupts = signal(SignalKind::interrupt())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn interrupt() -> SignalKind {
        SignalKind(libc::SIGINT)
    }

    /// Returns `SIGIO`: a descriptor with `O_ASYNC` (fcntl(2)) has become ready. It ends the process by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let readiness = signal(SignalKind::io())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn io() -> SignalKind {
        SignalKind(libc::SIGIO)
    }

    /// Returns `SIGPIPE`: something was written to a pipe or socket that nobody reads. It ends the process by default,
    /// but a Rust program ignores it from the start.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let broken_pipes = signal(SignalKind::pipe())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn pipe() -> SignalKind {
        SignalKind(libc::SIGPIPE)
    }

    /// Returns `SIGQUIT`: somebody has pressed `Ctrl-\`. It ends the process with a core dump by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let quits = signal(SignalKind::quit())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn quit() -> SignalKind {
        SignalKind(libc::SIGQUIT)
    }

    /// Returns `SIGTERM`: the process should end. kill(1) and service managers send it first. It ends the process by
    /// default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let requests = signal(SignalKind::terminate())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn terminate() -> SignalKind {
        SignalKind(libc::SIGTERM)
    }

    /// Returns `SIGUSR1`: its meaning is up to the program. It ends the process by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let orders = signal(SignalKind::user_defined1())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn user_defined1() -> SignalKind {
        SignalKind(libc::SIGUSR1)
    }

    /// Returns `SIGUSR2`: its meaning is up to the program. It ends the process by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let orders = signal(SignalKind::user_defined2())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn user_defined2() -> SignalKind {
        SignalKind(libc::SIGUSR2)
    }

    /// Returns `SIGWINCH`: the size of the terminal has changed. It is ignored by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::signal::unix::{SignalKind, signal};
    /// let changes = signal(SignalKind::window_change())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn window_change() -> SignalKind {
        SignalKind(libc::SIGWINCH)
    }
}

impl From<c_int> for SignalKind {
    fn from(signum: c_int) -> SignalKind {
        SignalKind::from_raw(signum)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> c_int {
        kind.as_raw_value()
    }
}
