//! What is plugged into the core's seam for lodgers.

use super::errors::{NEVER_BLOCKS, NO_RUNTIME, SHUT_DOWN, is_rt_shutdown_err, shut_down, why_no_timer};
use super::link::Link;
use crate::core::lodger::Lodger;
use crate::core::task::OwnScheduler;
use crate::core::worker::Worker;
use crate::services::blocking::{ThreadHook, call};
use crate::services::elsewhere::Listed;
use crate::services::everywhere::{Running, Runs};
use crate::services::here::latest_here;
use crate::services::punctual::Punctual;
use crate::services::ring::RingPlace;
use crate::services::shared::Shared;
use crate::services::sharing::Share;
use crate::services::soon::look_out;
use crate::services::stay::Stays;
use crate::watch::record::Recorder;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The lodgers of one runtime.
pub(crate) struct Lodgers {
    /// Dropped before the reactor.
    pub(super) _listed: Listed,
    pub(crate) ring: RingPlace,
    /// If it shares tasks with others.
    pub(super) share: Option<Share>,
    /// If it is one of a runtime's workers, but not the first: the way to that.
    pub(super) leader: Option<Link>,
    pub(crate) shared: Arc<Shared>,
    pub(super) hooks: ParkHooks,
    pub(crate) runs: Runs,
    pub(crate) stays: Stays,
}

/// The user's functions around a sleep.
#[derive(Clone, Default)]
pub(crate) struct ParkHooks {
    pub(super) on_park: Option<ThreadHook>,
    pub(super) on_unpark: Option<ThreadHook>,
}

impl Lodgers {
    /// Which of the runtime's workers this is.
    pub(super) fn worker_index(&self) -> usize {
        let is_one_of_several = self.leader.is_some() || self.shared.crew.get().is_some();
        self.share.as_ref().filter(|_| is_one_of_several).map_or(0, Share::index)
    }
}

impl Lodger for Lodgers {
    #[inline]
    fn want_turn(&self) -> bool {
        self.ring.wants_turn()
    }

    #[inline]
    fn take_turn(&self) {
        self.ring.take_turn();
        if let Some(share) = &self.share {
            share.take_turn();
        }
    }

    #[inline]
    fn choose_next(_tasks: OwnScheduler) {
        #[cfg(feature = "sim")]
        crate::services::simulation::choose_next(_tasks);
    }

    fn run(worker: &Worker) -> impl Sized {
        (Running::new(worker), Recorder::enter())
    }

    fn before_park(&self) {
        look_out(|| !self.shared.runtime.scheduler.inbox.is_empty());
        // Relaxed, here and below: a figure that stands alone.
        self.shared.is_asleep.store(true, Relaxed);
        self.share.iter().for_each(Share::is_idle);
        self.hooks.on_park.iter().for_each(call);
    }

    fn after_park(&self) {
        self.shared.is_asleep.store(false, Relaxed);
        self.share.iter().for_each(Share::is_awake);
        self.hooks.on_unpark.iter().for_each(call);
    }

    fn sleep_for(limit: Option<Duration>) -> impl Sized {
        Recorder::sleeps();
        Punctual::for_sleep(limit)
    }

    fn find_here(runtime: u64) -> Option<Rc<Worker>> {
        latest_here(&|worker| worker.reference.id == runtime)
    }

    fn explain(error: io::Error) -> io::Error {
        match error.kind() {
            ErrorKind::PermissionDenied => io::Error::new(ErrorKind::PermissionDenied, NEVER_BLOCKS),
            _ => error,
        }
    }

    fn go_on_standing_still(worker: &Worker) -> bool {
        worker.go_on_standing_still()
    }

    fn go_on_ending(worker: &Worker) {
        worker.go_on_ending();
    }

    fn end_by_panic(worker: &Rc<Worker>) -> ! {
        worker.shut_down(Duration::ZERO);
        panic!(
            "a task panicked that nobody joins, and the runtime's policy is UnhandledPanic::ShutdownRuntime"
        )
    }

    fn why_no_io(has_ended: bool) -> io::Error {
        if has_ended { shut_down() } else { io::Error::other(NO_RUNTIME) }
    }

    fn refuse_timer(why: Option<io::Error>) -> ! {
        match why {
            Some(error) if is_rt_shutdown_err(&error) => panic!(
                "{SHUT_DOWN} (in tokio's words: A Tokio 1.x context was found, but it is being shutdown.)"
            ),
            Some(error) => panic!("a timer cannot wait on this thread: {error}"),
            None => panic!("{}", why_no_timer()),
        }
    }
}
