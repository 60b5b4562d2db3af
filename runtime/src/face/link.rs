//! What a handle consists of.

use crate::core::current::worker_of;
use crate::core::task::{JoinHandle, Kind};
use crate::core::worker::{RuntimeRef, Worker};
use crate::services::afar::spawn_from_afar;
use crate::services::home::Who;
use crate::services::kinds::Mobile;
use crate::services::shared::Shared;
use crate::services::stay::Stay;
use std::sync::Arc;

/// The way to a runtime from any thread. See [`Handle`](crate::runtime::Handle).
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) reference: RuntimeRef,
    pub(crate) shared: Arc<Shared>,
}

impl Link {
    pub(crate) fn of(worker: &Worker) -> Link {
        Link { reference: worker.reference, shared: worker.lodgers.shared.clone() }
    }

    /// Spawns a task on that runtime.
    /// Goes into the runtime, or stays in it, if it is on this thread or idle and `who` may have it.
    pub(crate) fn stay(&self, who: Who) -> Option<Stay> {
        Stay::begin(self.reference, &self.shared.home, who)
    }

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
        match worker_of(self.reference.id) {
            Some(worker) => worker.tasks().spawn(future, kind),
            None => {
                let task = spawn_from_afar(self.reference.scheduler, self.reference.id, move || future, kind);
                self.shared.go_on_in_background();
                task
            }
        }
    }
}
