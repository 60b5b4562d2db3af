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
use cli::{Value, ValueExt};
use std::io;

const USAGE: &str = "usage: prompt [SECONDS]    (without: 10)";

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
    cli::read(USAGE, |args| {
        let mut limit = None;
        while let Some(arg) = args.next()? {
            match arg {
                Value(seconds) if limit.is_none() => {
                    let parse =
                        |text: &str| text.parse().ok().and_then(|it| Duration::try_from_secs_f64(it).ok());
                    limit = Some(
                        seconds.parse_with(|text| parse(text).ok_or("it has to be a number of seconds"))?,
                    );
                }
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(limit.unwrap_or(Duration::from_secs(10)))
    })
}
