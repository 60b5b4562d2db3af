use std::process::{ExitCode, Termination};

#[ayi::main]
async fn main() -> impl Termination {
    ExitCode::SUCCESS
}
