//! Writes `bench/charts.svg` anew, from `bench/RESULTS.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match charts::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../RESULTS.md").as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("charts: {error}");
            ExitCode::FAILURE
        }
    }
}
