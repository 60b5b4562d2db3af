//! What `#[ayi::main(cores = …)]` makes of several outputs.

use std::fmt::Debug;
use std::process::ExitCode;

/// What the `async fn` under `#[ayi::main(cores = …)]` may return: `()`, a `Result`, or an
/// [`ExitCode`].
///
/// Where one core's main fails, the others are told to end, and this is what the program returns. Otherwise it is what
/// the first core's main has returned.
#[diagnostic::on_unimplemented(
    message = "with `cores`, main returns `()`, a `Result` or an `ExitCode`, not `{Self}`",
    note = "`runtime::Builder::cores(…).run(…)` takes a main that returns anything that is `Send`"
)]
pub trait MainOutput {
    /// What went wrong, if this says that something did.
    fn failure(&self) -> Option<String>;

    /// Whether this says that something went wrong.
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
