//! Bytes, a time, a signal and the end of a child: all come through one loop.

use crate::{Said, recorded};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::UnixStream;
use ayi::process::Command;
use ayi::signal::unix::{SignalKind, signal};
use ayi::time::{Duration, sleep};
use std::io;

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("four kinds of events", async || {
        let (mut here, mut there) = UnixStream::pair()?;
        let bytes = ayi::spawn(async move { there.read_exact(&mut [0; 5]).await });
        here.write_all(b"water").await?;
        bytes.await??;
        said.say("I/O: a descriptor is ready");

        sleep(Duration::from_millis(2)).await;
        said.say("a timer: its time has come");

        let mut asked = signal(SignalKind::user_defined2())?;
        let kill = format!("kill -USR2 {}", std::process::id());
        let mut child = Command::new("sh").args(["-c", &kill]).spawn()?;
        asked.recv().await;
        said.say("a signal: a byte in a pipe");

        let status = child.wait().await?;
        said.say(format!("a child: {status}"));
        Ok(())
    })
}
