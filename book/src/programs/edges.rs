//! Ten bytes come. One reader has room for five, the other for sixty-four. Both get all of them, by other calls.

use crate::{Said, recorded};
use ayi::io::AsyncWriteExt;
use ayi::net::UnixStream;
use ayi::task::yield_now;
use std::io;

async fn reader(stream: UnixStream, room: usize, said: Said) -> io::Result<()> {
    let mut buffer = vec![0; room];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            said.say(format!("room for {room}: the end"));
            return Ok(());
        }
        said.say(format!("room for {room}: {n} bytes"));
    }
}

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("short reads and full ones", async || {
        for room in [5, 64] {
            let (mut writer, stream) = UnixStream::pair()?;
            let reader = ayi::spawn(reader(stream, room, said.clone()));
            // It waits by now.
            yield_now().await;
            writer.write_all(b"0123456789").await?;
            yield_now().await;
            drop(writer);
            reader.await??;
        }
        Ok(())
    })
}
