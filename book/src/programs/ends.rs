//! How tasks end: by themselves, by a panic, by an abort at four moments, and by the end of the runtime.

use crate::{Said, recorded};
use ayi::runtime::{shutdown, shutdown_token};
use ayi::task::yield_now;
use ayi::time::Duration;
use std::cell::RefCell;
use std::future::pending;
use std::io;
use std::rc::Rc;

/// Says when it is dropped.
struct Local(Said, &'static str);

impl Drop for Local {
    fn drop(&mut self) {
        self.0.say(format!("  {}: its local is dropped", self.1));
    }
}

async fn wait_for_ever(said: Said, name: &'static str) {
    let _local = Local(said, name);
    pending().await
}

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("how tasks end", async || {
        let task = ayi::spawn(wait_for_ever(said.clone(), "before its first poll"));
        task.abort();
        said.say(format!("aborted before its first poll: {}", how(task.await)));

        let task = ayi::spawn(wait_for_ever(said.clone(), "while it waits"));
        yield_now().await;
        task.abort();
        said.say(format!("aborted while it waits: {}", how(task.await)));

        let task = ayi::spawn(async {});
        yield_now().await;
        task.abort();
        said.say(format!("aborted when it is finished: {}", how(task.await)));

        let own = Rc::new(RefCell::new(None));
        let (mine, saying) = (own.clone(), said.clone());
        let task = ayi::spawn(async move {
            let handle: Option<ayi::task::AbortHandle> = mine.borrow_mut().take();
            handle.expect("it is there").abort();
            saying.say("  by itself: it runs on to its next wait");
            pending::<()>().await
        });
        *own.borrow_mut() = Some(task.abort_handle());
        said.say(format!("aborted by itself: {}", how(task.await)));

        let saying = said.clone();
        ayi::spawn(async move {
            shutdown_token().cancelled().await;
            saying.say("  a task that listens ends in order");
        });
        ayi::spawn(wait_for_ever(said.clone(), "one that does not listen"));
        yield_now().await;
        let report = shutdown(Duration::from_millis(5)).await;
        said.say(format!("shutdown: {} had to be aborted", report.still_running().len()));
        Ok(())
    })
}

fn how(end: Result<(), ayi::task::JoinError>) -> &'static str {
    match end {
        Ok(()) => "its output stays",
        Err(error) if error.is_cancelled() => "cancelled",
        Err(_) => "panicked",
    }
}
