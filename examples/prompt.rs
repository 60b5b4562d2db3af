//! Asks a question, and does not wait for the answer for ever.
//!
//! ```sh
//! cargo run --example prompt --features stdio -- 10    # seconds
//! ```
//!
//! When the time is over, the program ends at once: the read that still waits for the terminal is dropped. If a thread
//! waited in read(2), as in tokio, the program would go on until somebody presses Enter.

use ayi::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use ayi::time::{Duration, timeout};
use std::io;

#[ayi::main]
async fn main() -> io::Result<()> {
    let limit = limit_from_args();
    let (mut stdin, mut stdout) = (BufReader::new(stdin()), stdout());
    stdout.write_all(b"your name? ").await?;
    let mut name = String::new();
    let answer = match timeout(limit, stdin.read_line(&mut name)).await {
        Ok(read) => {
            read?;
            format!("hello, {}\n", name.trim())
        }
        Err(_) => "\nnever mind\n".to_owned(),
    };
    stdout.write_all(answer.as_bytes()).await?;
    stdout.flush().await
}

fn limit_from_args() -> Duration {
    let seconds =
        std::env::args().nth(1).map(|arg| arg.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()));
    match seconds {
        None => Duration::from_secs(10),
        Some(Some(limit)) if std::env::args().len() == 2 => limit,
        _ => {
            eprintln!("usage: prompt [SECONDS]    (without: 10)");
            std::process::exit(2)
        }
    }
}
