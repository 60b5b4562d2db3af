//! What [hyper](https://docs.rs/hyper) asks of a runtime, for [`ayi`](https://docs.rs/ayi): an executor and a timer.
//! Users take the façade crate `ayi`, which has all of this as `ayi::hyper`.

#![forbid(unsafe_code)]

mod io;

use ayi_runtime::time::{self, Duration, Instant};
use hyper::rt;
pub use io::Io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// An executor for hyper. For HTTP/2, hyper spawns a task for each stream.
///
/// # Panics
///
/// Panics if hyper uses it outside a runtime.
///
/// # Examples
///
/// ```
/// use hyper::rt::Executor;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let not_send = std::rc::Rc::new(7);
/// ayi::hyper::Executor.execute(async move { println!("{not_send}") });
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F> rt::Executor<F> for Executor
where
    F: Future<Output: 'static> + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        drop(ayi_runtime::spawn(future));
    }
}

/// A clock and timers for hyper: its time limits for headers and for keeping connections alive work with it.
///
/// It is the runtime's own time. While that [stands still](ayi_runtime::time::pause), it stands still for hyper too.
///
/// # Examples
///
/// ```
/// use hyper::rt::Timer;
/// use std::time::Duration;
/// # let rt = ayi::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
/// # rt.block_on(async {
/// ayi::hyper::Timer.sleep(Duration::from_secs(3600)).await; // at once, since time stands still here
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(time::sleep_until(Instant::from_std(deadline))))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }

    /// Resets the sleep in place if it is one of ours: hyper does this for each request.
    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: std::time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(mut ours) => Pin::new(&mut ours.0).reset(Instant::from_std(deadline)),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

struct Sleep(time::Sleep);

impl rt::Sleep for Sleep {}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}
