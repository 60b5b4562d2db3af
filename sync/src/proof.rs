//! What models for loom have in common.

use loom::sync::{Condvar, Mutex};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// A thread that sleeps until it is woken.
struct Sleeper {
    is_woken: Mutex<bool>,
    bell: Condvar,
    /// loom fails a model that leaks a waker.
    _memory: loom::alloc::Track<()>,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        *self.is_woken.lock().unwrap() = true;
        self.bell.notify_one();
    }
}

/// Polls `future` until it is ready, and sleeps in between. A lost wake shows as a deadlock.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let sleeper = Arc::new(Sleeper {
        is_woken: Mutex::new(false),
        bell: Condvar::new(),
        _memory: loom::alloc::Track::new(()),
    });
    let waker = Waker::from(sleeper.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut is_woken = sleeper.is_woken.lock().unwrap();
        while !*is_woken {
            is_woken = sleeper.bell.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }
}

/// Runs `model` in all interleavings with up to `preemptions` moments where a thread is stopped although it could go
/// on.
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
