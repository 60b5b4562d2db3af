//! Who is polled next: tasks that are woken in one order, and one that uses up its budget.

use crate::{Said, recorded};
use ayi::sync::{Notify, mpsc};
use ayi::task::yield_now;
use std::io;
use std::rc::Rc;

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("who is polled next", async || {
        let bells: Vec<_> = (0..3).map(|_| Rc::new(Notify::new())).collect();
        let mut tasks = Vec::new();
        for (number, bell) in bells.iter().cloned().enumerate() {
            let said = said.clone();
            tasks.push(ayi::spawn(async move {
                bell.notified().await;
                said.say(format!("task {number} runs"));
            }));
        }
        yield_now().await;
        for number in [2, 0, 1] {
            said.say(format!("wakes task {number}"));
            bells[number].notify_one();
        }
        for task in tasks {
            task.await?;
        }

        // A channel that never runs dry: each message costs one operation, and a poll has 128.
        let (sender, mut receiver) = mpsc::unbounded_channel();
        (0..1_000).for_each(|message| sender.send(message).expect("the receiver is here"));
        let greedy = ayi::spawn(async move {
            let mut in_this_poll = 0;
            while receiver.recv().await.is_some_and(|message: u32| message < 300) {
                in_this_poll += 1;
            }
            in_this_poll
        });
        let (modest, of_modest) = (said.clone(), said.clone());
        let modest = ayi::spawn(async move { modest.say("the modest task runs before the greedy one ends") });
        let received = greedy.await?;
        of_modest.say(format!("the greedy task has received {received} messages"));
        modest.await?;
        Ok(())
    })
}
