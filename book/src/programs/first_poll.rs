//! A future by hand: it asks for two polls, and then waits for another thread.

use crate::{Said, recorded};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

/// What the thread and the future share.
#[derive(Default)]
struct Shared {
    is_done: bool,
    waker: Option<Waker>,
}

struct ByHand {
    polls: u32,
    shared: Arc<Mutex<Shared>>,
    said: Said,
}

impl Future for ByHand {
    type Output = &'static str;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'static str> {
        self.polls += 1;
        if self.polls < 3 {
            self.said.say(format!("poll {}: Pending, and it has woken itself", self.polls));
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut shared = self.shared.lock().unwrap();
        if shared.is_done {
            self.said.say(format!("poll {}: Ready", self.polls));
            return Poll::Ready("done elsewhere");
        }
        shared.waker = Some(cx.waker().clone());
        self.said.say(format!("poll {}: Pending, and its waker is left with the thread", self.polls));
        Poll::Pending
    }
}

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("a future by hand", async || {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let future = ByHand { polls: 0, shared: shared.clone(), said: said.clone() };
        said.say("made: nothing has run");
        let task = ayi::spawn(future);
        let worker = thread::spawn(move || {
            loop {
                let mut shared = shared.lock().unwrap();
                if let Some(waker) = shared.waker.take() {
                    shared.is_done = true;
                    drop(shared);
                    return waker.wake();
                }
                drop(shared);
                thread::yield_now();
            }
        });
        said.say(format!("joined: {}", task.await?));
        worker.join().expect("it does not panic");
        Ok(())
    })
}
