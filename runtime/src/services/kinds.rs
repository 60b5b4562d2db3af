//! Tasks that are more than a future.

use super::places::Mobility;
use crate::core::onlooker::TaskFacts;
use crate::core::task::Kind;
use crate::core::wait::Instant;

/// Returns whether a future is boxed before it is handed on. Without optimisation, each function that it is handed
/// through keeps a copy on the stack. The limits are tokio's.
#[doc(hidden)]
pub const fn is_large<F>() -> bool {
    size_of::<F>() > if cfg!(debug_assertions) { 2 << 10 } else { 16 << 10 }
}

/// The kind of a task whose future is large and has been boxed, with the size of that future.
pub(crate) struct Boxed(pub(crate) usize);

impl<F> Kind<F> for Boxed {
    fn describe<'a>(&'a self, facts: &mut TaskFacts<'a>) {
        facts.size = self.0;
    }
}

/// The kind of a task that may go to another runtime.
pub(crate) struct Mobile<K>(pub(crate) K);

impl<F: Future<Output: Send> + Send, K: Kind<F>> Kind<F> for Mobile<K> {
    fn may_cancel(&self, future: &F) -> bool {
        self.0.may_cancel(future)
    }

    fn describe<'a>(&'a self, facts: &mut TaskFacts<'a>) {
        self.0.describe(facts);
        facts.more.mobility = Mobility::mobile::<F::Output>();
    }
}

/// The kind of a task to which its user gave a name.
pub(crate) struct Named<K> {
    pub(crate) name: String,
    pub(crate) kind: K,
}

impl<F, K: Kind<F>> Kind<F> for Named<K> {
    fn may_cancel(&self, future: &F) -> bool {
        self.kind.may_cancel(future)
    }

    fn describe<'a>(&'a self, facts: &mut TaskFacts<'a>) {
        self.kind.describe(facts);
        facts.name = Some(&self.name);
    }
}

/// The kind of a task that another thread has spawned, with the time of that.
pub(crate) struct FromAfar<K> {
    pub(crate) when: Instant,
    pub(crate) kind: K,
}

impl<F, K: Kind<F>> Kind<F> for FromAfar<K> {
    fn may_cancel(&self, future: &F) -> bool {
        self.kind.may_cancel(future)
    }

    fn describe<'a>(&'a self, facts: &mut TaskFacts<'a>) {
        self.kind.describe(facts);
        facts.more.spawned = Some(self.when);
    }
}
