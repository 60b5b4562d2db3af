//! Copies files, or what it is sent, to standard output. `-` stands for standard input.
//!
//! ```sh
//! echo tea | cargo run --example cat --features stdio
//! cargo run --example cat --features stdio -- README.md - LICENSE-MIT
//! ```

use ayi::io::{AsyncWriteExt, Stdout, copy, stdin, stdout};
use ayi::task::spawn_blocking;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::process::ExitCode;

#[ayi::main]
async fn main() -> ExitCode {
    let mut names: Vec<_> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names.push("-".into());
    }
    let mut stdout = stdout();
    for name in names {
        match cat(&name, &mut stdout).await {
            Ok(()) => {}
            // Who reads has seen enough, as in `cat README.md | head -1`.
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
        return stdout.flush().await;
    }
    // Files are read by the pool: the system cannot tell when a file will be ready, and lets who reads it wait.
    let name = name.to_owned();
    let mut file = spawn_blocking(|| File::open(name)).await??;
    loop {
        let (rest, chunk) = spawn_blocking(|| read_chunk(file)).await??;
        if chunk.is_empty() {
            return stdout.flush().await;
        }
        stdout.write_all(&chunk).await?;
        file = rest;
    }
}

fn read_chunk(mut file: File) -> io::Result<(File, Vec<u8>)> {
    let mut chunk = Vec::new();
    (&mut file).take(64 * 1024).read_to_end(&mut chunk)?;
    Ok((file, chunk))
}
