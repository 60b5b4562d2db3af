//! A poll that takes too long: all others stand behind it, whatever they wait for.

use crate::{Said, recorded};
use ayi::task;
use ayi::time::{Duration, Instant, sleep};
use std::io;

fn count_words(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("a poll that takes too long", async || {
        let (first, second) = (said.clone(), said.clone());
        let timer = task::Builder::new().name("a timer of 1 ms").spawn(async move {
            let due = Instant::now() + Duration::from_millis(1);
            sleep(Duration::from_millis(1)).await;
            let is_late = due.elapsed() > Duration::from_millis(1);
            first.say(format!("the timer fires {}", if is_late { "late" } else { "in time" }));
        })?;
        let busy = task::Builder::new().name("statistics").spawn(async move {
            sleep(Duration::from_micros(500)).await;
            second.say("statistics computes for 6 ms, and awaits nothing");
            count_words(Duration::from_millis(6));
        })?;
        busy.await?;
        timer.await?;

        let third = said.clone();
        let timer = ayi::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            third.say("beside spawn_blocking the timer fires first");
        });
        let counted = task::spawn_blocking(|| count_words(Duration::from_millis(20)));
        timer.await?;
        counted.await?;
        said.say("and then the words are counted");
        Ok(())
    })
}
