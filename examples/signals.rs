//! A program that listens to signals: it ends in order when it is asked to, and reloads its configuration.
//!
//! ```sh
//! cargo run --example signals --features signal
//! kill -HUP PID    # and then -TERM, or Ctrl-C
//! ```

use ayi::signal::unix::{SignalKind, signal};
use std::io;

const USAGE: &str = "usage: signals    (send it HUP, TERM, or Ctrl-C)";

#[ayi::main]
async fn main() -> io::Result<()> {
    cli::nothing(USAGE);
    // Each listens from here on: a signal that comes while the program is busy elsewhere is kept until it is received.
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("process {} is running", std::process::id());
    loop {
        ayi::select! {
            _ = hangup.recv() => println!("reading the configuration again"),
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    // Here a server would stop accepting, and wait for what is under way, as `examples/http` does.
    println!("goodbye");
    Ok(())
}
