//! What a handle consists of.

use crate::core::current::current;
use crate::core::task::{JoinHandle, Kind};
use crate::core::worker::{RuntimeRef, Worker};
use crate::services::afar::spawn_from_afar;
use crate::services::home::Who;
use crate::services::kinds::Mobile;
use crate::services::lending::stands_in;
use crate::services::shared::Shared;
use crate::services::stay::Stay;
use std::rc::Rc;
use std::sync::Arc;

/// The way to a runtime from any thread. See [`Handle`](crate::runtime::Handle).
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) reference: RuntimeRef,
    pub(crate) shared: Arc<Shared>,
}

impl Link {
    pub(crate) fn of(worker: &Worker) -> Link {
        let leader = worker.lodgers.leader.clone();
        leader.unwrap_or_else(|| Link { reference: worker.reference, shared: worker.lodgers.shared.clone() })
    }

    /// The worker that this thread is, if it is one of this runtime's.
    pub(crate) fn here(&self) -> Option<Rc<Worker>> {
        let id = self.reference.id;
        let is_ours = |worker: &Worker| {
            let leader = worker.lodgers.leader.as_ref();
            worker.reference.id == id || leader.is_some_and(|leader| leader.reference.id == id)
        };
        current().filter(|worker| is_ours(worker))
    }

    /// Goes into the runtime, or stays in it, if it is on this thread or idle and `who` may have it.
    pub(crate) fn stay(&self, who: Who) -> Option<Stay> {
        // Whose own thread this is not has others on the stack that are in the runtime.
        if stands_in(self.reference.id).is_some() {
            None
        } else {
            Stay::begin(self.reference, &self.shared.home, who)
        }
    }

    /// Spawns a task on that runtime, which may go from one worker to another.
    #[track_caller]
    pub(crate) fn spawn_task<F: Future<Output: Send + 'static> + Send + 'static>(
        &self,
        future: F,
        kind: impl Kind<F>,
    ) -> JoinHandle<F::Output> {
        self.spawn_as(future, Mobile(kind))
    }

    /// Like `spawn_task`, for a task that is as mobile as `kind` says.
    #[track_caller]
    pub(crate) fn spawn_as<F: Future<Output: Send + 'static> + Send + 'static>(
        &self,
        future: F,
        kind: impl Kind<F>,
    ) -> JoinHandle<F::Output> {
        match self.here() {
            Some(worker) => worker.tasks().spawn(future, kind),
            None => self.spawn_from_afar(move || future, kind),
        }
    }

    /// Spawns a task on one of the workers, on none of which this thread is.
    #[track_caller]
    pub(crate) fn spawn_from_afar<F: Future<Output: Send + 'static> + 'static>(
        &self,
        make: impl FnOnce() -> F + Send + 'static,
        kind: impl Kind<F>,
    ) -> JoinHandle<F::Output> {
        let worker = self.shared.next_worker();
        let task = spawn_from_afar(worker.scheduler, worker.id, make, kind);
        self.shared.go_on_in_background();
        task
    }
}
