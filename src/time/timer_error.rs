//! The error of a timer that cannot be set.

use std::fmt;

/// Why a timer cannot be set. It is tokio's, and nothing in ayi returns it: only memory bounds the number of timers, and a
/// timer whose runtime has ended panics.
#[derive(Clone, Copy, Debug)]
pub struct Error(Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Shutdown,
    AtCapacity,
    Invalid,
}

impl Error {
    /// Makes the error of a timer whose runtime has ended.
    pub fn shutdown() -> Error {
        Error(Kind::Shutdown)
    }

    /// Returns whether the timer's runtime has ended.
    pub fn is_shutdown(&self) -> bool {
        self.0 == Kind::Shutdown
    }

    /// Makes the error of a timer that is one too many.
    pub fn at_capacity() -> Error {
        Error(Kind::AtCapacity)
    }

    /// Returns whether there are as many timers as there may be.
    pub fn is_at_capacity(&self) -> bool {
        self.0 == Kind::AtCapacity
    }

    /// Makes the error of a deadline that is too far away.
    pub fn invalid() -> Error {
        Error(Kind::Invalid)
    }

    /// Returns whether the deadline is too far away.
    pub fn is_invalid(&self) -> bool {
        self.0 == Kind::Invalid
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Shutdown => "the timer's runtime has been shut down",
            Kind::AtCapacity => "there are as many timers as there may be",
            Kind::Invalid => "the timer's deadline is too far away",
        })
    }
}

impl std::error::Error for Error {}
