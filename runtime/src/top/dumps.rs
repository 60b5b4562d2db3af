//! The dumps of all runtimes of the process, for a thread that is in none of them and must not hang: the live view's.
//!
//! ```text
//!   text ── a message to each worker ──▶ its loop reads it between two polls ──▶ what it looks at in its own tables
//!     └──── no answer in time ─────────▶ its ring, which any thread reads ────▶ the task that keeps the thread
//! ```
//!
//! A runtime that no thread is in is not asked: what it is told now, it would read in some later `block_on`.
//!
//! Invariants:
//! 1. All workers are asked before any is waited for, and all together have one second. So a worker that is stuck hides
//!    no other one.
//! 2. A runtime is not kept alive: what its handles have is held, for that second.
//!
//! In tokio: nothing, as for `dump`.

use super::dump::{Answer, Dump, attach, look_into};
use crate::core::current::find_worker;
use crate::services::elsewhere::all_shared;
use crate::services::shared::Shared;
use crate::watch::record::{HEADER, Reason, Recording, seat_of};
use crate::watch::slow_poll::Rounded;
use ayi_lens::analysis::{Analysis, Task};
use std::collections::HashSet;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long all workers together may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The name under which the live view knows all this.
pub(crate) struct Dumps;

impl Dumps {
    /// Asks all runtimes, and returns in words what each has answered, or why it has not. It blocks the thread, for at
    /// most a second and some milliseconds.
    pub(crate) fn text() -> String {
        let ask_all = |runtime: Arc<Shared>| {
            let asked: Vec<Asked> = runtime.workers().map(ask).collect();
            (runtime, asked)
        };
        let asked: Vec<_> = runtimes().into_iter().map(ask_all).collect();
        if asked.is_empty() {
            return "There is no runtime. Those that there were have ended.".into();
        }
        let deadline = Instant::now() + PATIENCE;
        let texts = asked.into_iter().map(|(runtime, asked)| text_of(&runtime, asked, deadline));
        texts.collect::<Vec<_>>().join("\n\n")
    }
}

/// The runtimes that have not ended. One of several workers is there once, by its first worker.
fn runtimes() -> Vec<Arc<Shared>> {
    let is_open = |runtime: &Arc<Shared>| runtime.runtime.scheduler.is_open(runtime.runtime.id);
    let all: Vec<_> = all_shared().into_iter().filter(is_open).collect();
    let others = all.iter().flat_map(|runtime| runtime.workers().skip(1));
    let others: HashSet<u64> = others.map(|worker| worker.runtime.id).collect();
    all.into_iter().filter(|runtime| !others.contains(&runtime.runtime.id)).collect()
}

/// A worker, and what it will answer. `None`: no thread is in it.
struct Asked {
    worker: Arc<Shared>,
    answer: Option<Receiver<Answer>>,
}

fn ask(worker: &Arc<Shared>) -> Asked {
    if !worker.home.is_away() {
        return Asked { worker: worker.clone(), answer: None };
    }
    let ((sender, answer), runtime) = (channel(), worker.runtime);
    let there = move |_| {
        if let Some(worker) = find_worker(runtime.id) {
            // If the answer comes too late, nobody waits for it.
            let _ = sender.send(look_into(&worker));
        }
    };
    // If the worker has ended, the message is refused. Then there is no sender, which is the answer.
    let _ = runtime.scheduler.send(Some(runtime.id), Box::new(there));
    Asked { worker: worker.clone(), answer: Some(answer) }
}

fn text_of(runtime: &Shared, workers: Vec<Asked>, deadline: Instant) -> String {
    let (count, mut silent) = (workers.len(), Vec::new());
    let (mut tasks, mut waits) = (Vec::new(), Vec::new());
    for Asked { worker, answer } in workers {
        let Some(answer) = answer else {
            silent.push(idle(&worker));
            continue;
        };
        match answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((mut some, mut more)) => {
                tasks.append(&mut some);
                waits.append(&mut more);
            }
            // It has ended meanwhile, and has no tasks.
            Err(RecvTimeoutError::Disconnected) => {}
            Err(RecvTimeoutError::Timeout) if worker.home.is_away() => silent.push(stuck(&worker)),
            Err(RecvTimeoutError::Timeout) => silent.push(idle(&worker)),
        }
    }
    let mut lines = Vec::new();
    if silent.len() < count {
        attach(&mut tasks, waits);
        let title = match count {
            1 => title_of_worker(runtime),
            _ => format!("{}, {count} workers", title(runtime)),
        };
        lines.push(format!("{title}: {}", Dump::of(tasks)));
    }
    lines.append(&mut silent);
    lines.join("\n")
}

/// Returns how a runtime is called: by its number, which it has in a recording as well, and its name.
fn title(runtime: &Shared) -> String {
    let name = runtime.name.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
    format!("runtime {}{name}", runtime.runtime.id)
}

/// The same for a runtime that may be one of several: a worker, or a core.
fn title_of_worker(worker: &Shared) -> String {
    let seat = seat_of(worker.runtime.id).map(|seat| format!(", worker {seat}")).unwrap_or_default();
    title(worker) + &seat
}

/// How many tasks there are is not told: those that other threads have spawned are still on their way.
fn idle(worker: &Shared) -> String {
    let so = match worker.background {
        // It would have its own thread.
        Some(_) => "since it has no tasks",
        None => "so nothing goes on until the next `block_on`",
    };
    format!("{}: no thread is in it, {so}", title_of_worker(worker))
}

fn stuck(worker: &Shared) -> String {
    let no_task =
        "no task has its thread. That may be in a hook or a drop, or in `enter` without a `block_on`";
    let why = who_keeps_the_thread(worker.recording).unwrap_or_else(|| no_task.into());
    format!("{} has not answered for {PATIENCE:?}: {why}", title_of_worker(worker))
}

/// Returns which task keeps the thread, as the worker's ring tells.
fn who_keeps_the_thread(recording: Recording) -> Option<String> {
    let bytes = [HEADER, &recording.section(Reason::Asked, "")?[..]].concat();
    let recording = ayi_lens::recording::read(&mut Cursor::new(bytes));
    let runtime = recording.runtimes.first()?;
    let analysis = Analysis::of(runtime);
    let (task, since) = analysis.running(runtime)?;
    let Task { id, name, place, .. } = task;
    let place = if place.is_empty() { "an unknown place" } else { place };
    let who = match name.as_str() {
        // So the recorder calls it.
        "block_on" => format!("the future of the `block_on` at {place}"),
        "" => format!("task {id}, spawned at {place},"),
        _ => format!("task {id} {name:?}, spawned at {place},"),
    };
    let took = Duration::from_nanos(runtime.section.now.saturating_sub(since));
    Some(format!("{who} has had the thread for {}", Rounded(took)))
}
