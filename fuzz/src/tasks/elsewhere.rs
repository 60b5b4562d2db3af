//! Another thread, which does one thing at a time while this one waits.

use std::any::Any;
use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    static OTHER: OnceCell<Sender<Job>> = const { OnceCell::new() };
}

/// Runs `f` there, and returns its output, or resumes its panic.
pub fn elsewhere<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Box<dyn Any + Send>> {
    let (sender, result) = channel();
    let job: Job = Box::new(move || drop(sender.send(catch_unwind(AssertUnwindSafe(f)))));
    OTHER.with(|other| other.get_or_init(start).send(job)).expect("it lives as long as this thread");
    result.recv().expect("it does all that it is told")
}

fn start() -> Sender<Job> {
    let (sender, jobs) = channel::<Job>();
    thread::spawn(move || jobs.iter().for_each(|job| job()));
    sender
}
