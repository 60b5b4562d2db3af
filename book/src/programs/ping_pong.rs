//! Two tasks and a ball. What each of them waits by is a cell with a waker: the smallest channel there is.

use crate::{Said, recorded};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A ball, or who waits for one.
#[derive(Default)]
struct Half {
    ball: Option<u32>,
    waiter: Option<Waker>,
}

#[derive(Clone, Default)]
struct Table(Rc<RefCell<Half>>);

impl Table {
    fn put(&self, ball: u32) {
        self.0.borrow_mut().ball = Some(ball);
        // Woken when nothing is borrowed: a waker is foreign code.
        let waiter = self.0.borrow_mut().waiter.take();
        waiter.into_iter().for_each(Waker::wake);
    }

    async fn take(&self) -> u32 {
        poll_fn(|cx| {
            let mut half = self.0.borrow_mut();
            match half.ball.take() {
                Some(ball) => Poll::Ready(ball),
                None => {
                    half.waiter = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

async fn play(name: &'static str, mine: Table, yours: Table, said: Said) {
    loop {
        let ball = mine.take().await;
        said.say(format!("{name} hits ball {ball}"));
        yours.put(ball + 1);
        if ball >= 5 {
            return;
        }
    }
}

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("two tasks and a ball", async || {
        let (left, right) = (Table::default(), Table::default());
        let tasks = [
            ayi::spawn(play("left", left.clone(), right.clone(), said.clone())),
            ayi::spawn(play("right", right.clone(), left.clone(), said.clone())),
        ];
        left.put(1);
        for task in tasks {
            task.await?;
        }
        Ok(())
    })
}
