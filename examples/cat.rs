//! Copies files, or its standard input, to standard output. `-` stands for standard input.
//!
//! ```sh
//! echo tea | cargo run --example cat --features fs,stdio
//! cargo run --example cat --features fs,stdio -- README.md - LICENSE-MIT
//! ```

use ayi::fs::File;
use ayi::io::{AsyncWriteExt, Stdout, copy, stdin, stdout};
use cli::{Value, ValueExt};
use std::io::{self, ErrorKind};
use std::process::ExitCode;

const USAGE: &str = "usage: cat [FILE]...    (without, and for -: standard input)";

#[ayi::main]
async fn main() -> ExitCode {
    let mut names = cli::read(USAGE, |args| {
        let mut names = Vec::new();
        while let Some(arg) = args.next()? {
            match arg {
                Value(name) => names.push(name.string()?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(names)
    });
    if names.is_empty() {
        names.push("-".into());
    }
    let mut stdout = stdout();
    for name in names {
        match cat(&name, &mut stdout).await {
            Ok(()) => {}
            // The reader has seen enough, as in `cat README.md | head -1`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) => {
                eprintln!("cat: {name}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

async fn cat(name: &str, stdout: &mut Stdout) -> io::Result<()> {
    if name == "-" {
        copy(&mut stdin(), stdout).await?;
    } else {
        copy(&mut File::open(name).await?, stdout).await?;
    }
    stdout.flush().await
}
