//! What `#[ayi::main(cores = …)]` makes of several outputs.

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
    /// Whether this says that something went wrong.
    fn is_failure(&self) -> bool;
}

impl MainOutput for () {
    fn is_failure(&self) -> bool {
        false
    }
}

impl<T, E> MainOutput for Result<T, E> {
    fn is_failure(&self) -> bool {
        self.is_err()
    }
}

impl MainOutput for ExitCode {
    fn is_failure(&self) -> bool {
        *self != ExitCode::SUCCESS
    }
}
