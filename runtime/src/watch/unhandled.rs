//! What is done about panics that nobody hears of.

use crate::core::foreign;
use crate::core::task::JoinError;
use std::io::Write;
use std::panic::Location;

/// The policy of a runtime for a panic that nobody will hear of, because the task's
/// [`JoinHandle`](crate::task::JoinHandle) was dropped.
///
/// A panic is always caught, and is given to the task that awaits the JoinHandle. It is *unhandled* only if the
/// JoinHandle was dropped, before or after the panic. tokio's `ShutdownRuntime` acts on joined tasks as well; this one
/// does not. This policy does not reach a JoinHandle that is dropped unread outside the runtime, for example on another
/// thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnhandledPanic {
    /// Does nothing: the panic hook has printed the panic.
    Ignore,
    /// Says on stderr which task panicked and where it was spawned, and goes on.
    #[default]
    Report,
    /// Reports the panic like `Report`, and ends the runtime: `block_on` panics.
    ShutdownRuntime,
}

impl UnhandledPanic {
    /// Reports the panic of a task that was spawned at `place`. Returns whether the panic ends the runtime.
    pub(crate) fn apply(self, error: JoinError, place: &'static Location<'static>) -> bool {
        if self != UnhandledPanic::Ignore {
            let name = error.panic.as_ref().and_then(|panic| panic.name.as_deref());
            let name = name.map(|name| format!("its name is {name:?}, ")).unwrap_or_default();
            // If stderr is closed, there is nobody to tell, and `eprintln!` would panic.
            let _ = writeln!(
                std::io::stderr(),
                "ayi: {error}; {name}it was spawned at {place} and nobody joins it"
            );
        }
        foreign::run(|| drop(error));
        self == UnhandledPanic::ShutdownRuntime
    }
}
