//! What is done about panics that nobody hears of.

use crate::core::foreign;
use crate::core::task::JoinError;
use std::io::Write;
use std::panic::Location;

/// What a runtime does about a panic that nobody will hear of, because the task's
/// [`JoinHandle`](crate::task::JoinHandle) was dropped.
///
/// A panic is always caught, and is given to the task that awaits the JoinHandle. Only when that was dropped, before
/// or after the panic, is it *unhandled*. (Unlike tokio's `ShutdownRuntime`, which acts on joined tasks too.) A
/// JoinHandle that is dropped unread outside the runtime, on another thread say, is beyond this policy's reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnhandledPanic {
    /// Nothing: the panic hook has printed it.
    Ignore,
    /// Says on stderr which task it was and where that was spawned, and goes on.
    #[default]
    Report,
    /// Reports it, and ends the runtime: `block_on` panics.
    ShutdownRuntime,
}

impl UnhandledPanic {
    /// Reports the panic of a task that was spawned at `place`. True: it ends the runtime.
    pub(crate) fn apply(self, error: JoinError, place: &'static Location<'static>) -> bool {
        if self != UnhandledPanic::Ignore {
            let name = error.panic.as_ref().and_then(|panic| panic.name.as_deref());
            let name = name.map(|name| format!("its name is {name:?}, ")).unwrap_or_default();
            // If stderr is closed, there is nobody to tell. (`eprintln!` would panic.)
            let _ = writeln!(
                std::io::stderr(),
                "ayi: {error}; {name}it was spawned at {place} and nobody joins it"
            );
        }
        foreign::run(|| drop(error));
        self == UnhandledPanic::ShutdownRuntime
    }
}
