//! What `#[ayi::main(cores = …)]` makes of several outputs.

use std::fmt::Debug;
use std::process::ExitCode;

/// An output that the `async fn` under `#[ayi::main(cores = …)]` may return: `()`, a `Result`, or an [`ExitCode`].
///
/// When one core's main fails, the others are told to end, and the program returns the output of the core that failed.
/// Otherwise the program returns the output of the first core.
#[diagnostic::on_unimplemented(
    message = "with `cores`, main returns `()`, a `Result` or an `ExitCode`, not `{Self}`",
    note = "`runtime::Builder::cores(…).run(…)` takes a main that returns anything that is `Send`"
)]
pub trait MainOutput {
    /// Returns what went wrong, if this output says that something did.
    fn failure(&self) -> Option<String>;

    /// Returns whether this output says that something went wrong.
    fn is_failure(&self) -> bool {
        self.failure().is_some()
    }
}

impl MainOutput for () {
    fn failure(&self) -> Option<String> {
        None
    }
}

impl<T, E: Debug> MainOutput for Result<T, E> {
    fn failure(&self) -> Option<String> {
        self.as_ref().err().map(|error| format!("{error:?}"))
    }
}

impl MainOutput for ExitCode {
    fn failure(&self) -> Option<String> {
        (*self != ExitCode::SUCCESS).then(|| format!("{self:?}"))
    }
}
