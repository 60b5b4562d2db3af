//! Files: whole ones, a read at a place, and a read that is given up.

use crate::{Said, recorded};
use ayi::fs::{self, File};
use std::io;
use std::pin::pin;
use std::task::{Context, Waker};

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("files through the ring", async || {
        let path = std::env::temp_dir().join(format!("ayi-book-{}-{:p}", std::process::id(), said));
        fs::write(&path, "0123456789").await?;
        said.say(format!("whole: {:?}", fs::read_to_string(&path).await?));

        let file = File::open(&path).await?;
        let (read, buffer) = file.read_at(Vec::with_capacity(4), 3).await;
        read?;
        said.say(format!("4 bytes at place 3: {:?}", String::from_utf8_lossy(&buffer)));

        // The kernel has the buffer: a future that is dropped leaves it to the runtime.
        {
            let mut read = pin!(file.read_at(Vec::with_capacity(4), 0));
            assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        said.say("given up: the runtime keeps the buffer until the kernel is done");

        fs::remove_file(&path).await?;
        let gone = fs::read(&path).await.expect_err("it is gone");
        said.say(format!("removed: {:?}", gone.kind()));
        Ok(())
    })
}
