//! The thread that runs a runtime of the kind `multi_thread` while nobody is in `block_on`.

use crate::core::current::EnterGuard;
use crate::core::foreign;
use crate::core::worker::{RuntimeRef, Worker};
use crate::services::background::Background;
use crate::services::blocked_on::BlockedOn;
use crate::services::blocking::call;
use crate::services::here::{leaves, lives_here};
use crate::services::home::Who;
use crate::services::lending::set_own_thread;
use crate::services::shared::Shared;
use crate::services::stay::Stay;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Starts it.
pub(crate) fn start(runtime: RuntimeRef, shared: &Arc<Shared>) -> io::Result<()> {
    let settings = shared.pool.settings();
    let own = shared.clone();
    let body = move || {
        let Some(background) = &own.background else { return };
        background.has_started();
        let settings = own.pool.settings();
        settings.on_start.iter().for_each(call);
        foreign::run(|| go_on(runtime, &own, background));
        settings.on_stop.iter().for_each(call);
        background.has_ended();
    };
    let started = settings.start_thread(settings.background_name(), Box::new(body));
    let Err(error) = started else { return Ok(()) };
    shared.background.iter().for_each(|background| background.has_ended());
    Err(io::Error::new(
        error.kind(),
        format!(
            "the system refuses to start the thread that runs a runtime in the background ({error}): raise the limit on \
             threads (ulimit -u, cgroup pids.max)"
        ),
    ))
}

/// Runs the runtime until it is to end, and ends it.
fn go_on(runtime: RuntimeRef, shared: &Shared, background: &Background) {
    // Somebody else may have been faster, and has it in `block_on` or is ending it.
    let Some(stay) = Stay::begin(runtime, &shared.home, Who::Owner) else { return };
    background.is_in();
    set_own_thread(runtime.id);
    let mut grace = None;
    // Behind a pointer, so that the loop for this is the one that `block_until` has.
    let end: &mut dyn FnMut(&mut Context<'_>) -> Poll<()> =
        &mut |cx| background.poll_end(cx).map(|it| grace = Some(it));
    let _blocked = BlockedOn::new();
    let ended = foreign::catch(|| stay.worker().block_on(poll_fn(end), 0));
    if let (Ok(()), Some(grace)) = (&ended, grace) {
        stay.worker().shut_down(grace);
    }
    // Also if a panic has ended it.
    wait_for_polls(stay.worker());
    if let Err(panic) = ended {
        foreign::drop_panic(panic);
    }
}

/// Waits until no poll of the worker, which has come to its end, is left on another thread.
fn wait_for_polls(worker: &Rc<Worker>) {
    let lending = &worker.lodgers.shared.lending;
    if !lending.is_lent() {
        return;
    }
    leaves(worker);
    let worker = lending.wait_for_all(worker.clone());
    lives_here(&worker);
    let _inside = EnterGuard::here(&worker);
    worker.go_on_ending();
}
