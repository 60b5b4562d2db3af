//! What a handle consists of.

use crate::core::task::{JoinHandle, Kind};
use crate::core::worker::{RuntimeRef, Worker};
use crate::services::afar::spawn_from_afar;
use crate::services::shared::Shared;
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
    #[track_caller]
    pub(crate) fn spawn_task<F: Future<Output: Send + 'static> + Send + 'static>(
        &self,
        future: F,
        kind: impl Kind<F>,
    ) -> JoinHandle<F::Output> {
        match self.reference.worker() {
            Some(worker) => worker.tasks().spawn(future, kind),
            None => spawn_from_afar(self.reference.scheduler, self.reference.id, move || future, kind),
        }
    }
}
