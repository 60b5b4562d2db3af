//! What a user of the runtime wants to be told of its tasks.

use crate::core::task::Id;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

pub(crate) type TaskHook = Arc<dyn Fn(&TaskMeta<'_>) + Send + Sync>;

/// The user's functions.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_spawn: Option<TaskHook>,
    pub(crate) on_terminate: Option<TaskHook>,
    /// Polls that take longer than this are reported.
    pub(crate) slow_poll: Option<Duration>,
}

impl Hooks {
    pub(crate) fn are_any(&self) -> bool {
        self.on_spawn.is_some() || self.on_terminate.is_some() || self.slow_poll.is_some()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_spawn", &self.on_spawn.is_some())
            .field("on_terminate", &self.on_terminate.is_some())
            .finish()
    }
}

/// The facts of a task that [`on_task_spawn`](crate::runtime::Builder::on_task_spawn) and
/// [`on_task_terminate`](crate::runtime::Builder::on_task_terminate) are told.
///
/// # Examples
///
/// ```
/// use ayi::runtime::Builder;
/// let rt = Builder::new_current_thread()
///     .on_task_spawn(|task| println!("{} {:?} at {}", task.id(), task.name(), task.spawned_at()))
///     .build()?;
/// rt.block_on(async { ayi::spawn(async {}).await.unwrap() });
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct TaskMeta<'a> {
    pub(crate) id: Id,
    pub(crate) name: Option<&'a str>,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl TaskMeta<'_> {
    /// Returns the task's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Returns the name that [`task::Builder`](crate::task::Builder) gave the task.
    pub fn name(&self) -> Option<&str> {
        self.name
    }

    /// Returns where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }
}
