//! Why a run has failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a run of a simulation has failed, and how to see it once more.
///
/// Its `Debug` is its `Display`, so that a test that returns it prints something that can be read.
pub struct Failure {
    pub(crate) seed: u64,
    pub(crate) at: Duration,
    pub(crate) hash: u64,
    pub(crate) why: String,
}

impl Failure {
    /// Returns the seed of the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the simulated time at which it failed.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// Returns the hash of the run until then.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Returns what went wrong, without the seed and the time.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, at, hash, why } = self;
        write!(f, "seed {seed}, at {:.6} s: {why} (hash {hash:016x})", at.as_secs_f64())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {}

/// What a host's program may return: nothing, or a `Result` whose error is told.
pub trait Outcome {
    /// Returns the error as a text.
    #[doc(hidden)]
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<T, E: fmt::Debug> Outcome for Result<T, E> {
    fn into_result(self) -> Result<(), String> {
        self.map(drop).map_err(|error| format!("{error:?}"))
    }
}
