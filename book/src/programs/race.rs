//! A thousand wakes from another thread, each at a moment when the loop may be about to sleep.

use crate::{Said, recorded};
use ayi::sync::Notify;
use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("a thousand wakes from another thread", async || {
        let bell = Arc::new(Notify::new());
        let (asks, asked) = mpsc::channel::<()>();
        let ringing = bell.clone();
        let ringer = thread::spawn(move || asked.iter().for_each(|()| ringing.notify_one()));
        let mut heard = 0;
        for _ in 0..1_000 {
            asks.send(()).expect("the thread is there");
            bell.notified().await;
            heard += 1;
        }
        drop(asks);
        ringer.join().expect("it does not panic");
        said.say(format!("{heard} of 1000 wakes were heard"));
        Ok(())
    })
}
