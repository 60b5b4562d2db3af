//! Signals.

#[doc(no_inline)]
pub use ayi::signal::*;

/// Signals of any kind.
pub mod unix {
    use crate::NO_RUNTIME;
    #[doc(no_inline)]
    pub use ayi::signal::unix::*;
    use std::io;

    /// Starts listening to signals of this `kind`. It is ayi's, which needs no runtime.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` for a signal that nobody can listen to, and for a number that is no signal.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime, or in one without sockets, as tokio's does.
    #[track_caller]
    pub fn signal(kind: SignalKind) -> io::Result<Signal> {
        assert!(ayi::runtime::has_io().is_some(), "{NO_RUNTIME}");
        ayi::runtime::check_io();
        ayi::signal::unix::signal(kind)
    }
}
