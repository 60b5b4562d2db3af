//! The command line of the lens: see `README.md`.
//!
//! | module | what it does |
//! |---|---|
//! | `arguments` | reads the command line |
//! | `dump`, `listeners` | ask a program that runs; find where it listens |
//! | `output` | reads a recording, and writes a file |
//! | `run` | runs a program that records itself |

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
