//! What is done about panics that nobody hears of.

use crate::core::foreign;
use crate::core::task::boxed::BodyBox;
use crate::core::task::{Id, JoinError, OwnScheduler};
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

/// What tokio says where it is called without a runtime of its own.
const TOKIO_IS_MISSING: &str = "must be called from the context of a Tokio 1.x runtime";

const REMEDY: &str = ". A crate of this program calls tokio, which has no runtime here: two lines of Cargo.toml put ayi in tokio's \
     place, see the page \"Your tokio program on ayi\" (module `tokio_on_ayi`)";

/// What becomes of outputs that nobody awaits.
pub(crate) struct Unjoined;

impl Unjoined {
    /// Drops the output of the task `id`, which is finished; a panic in it, or while dropping it, is unhandled.
    pub(crate) fn discard(tasks: OwnScheduler, mut body: BodyBox, id: Id) {
        let place = body.as_ref().facts(id).place;
        let error = match body.as_mut().take_error() {
            Some(error) if error.panic.is_some() => error,
            Some(_cancelled) => return,
            None => match foreign::catch(|| id.scope(|| drop(body))) {
                Ok(()) => return,
                Err(panic) => JoinError::panicked(id, None, panic),
            },
        };
        let is_fatal = tasks.cells().onlookers.unhandled.get().apply(error, place);
        // What was dropped may have kept this thread inside the runtime.
        if is_fatal && tasks.shared().own().is_some() {
            tasks.cells().is_fatal.set(true);
        }
    }
}

impl UnhandledPanic {
    /// Reports the panic of a task that was spawned at `place`. Returns whether the panic ends the runtime.
    fn apply(self, error: JoinError, place: &'static Location<'static>) -> bool {
        if self != UnhandledPanic::Ignore {
            let name = error.panic.as_ref().and_then(|panic| panic.name.as_deref());
            let name = name.map(|name| format!("its name is {name:?}, ")).unwrap_or_default();
            let text = error.to_string();
            // Not `contains`, whose search is a thousand lines for the compiler.
            let mut parts = text.as_bytes().windows(TOKIO_IS_MISSING.len());
            let is_tokios = parts.any(|part| part == TOKIO_IS_MISSING.as_bytes());
            let remedy = if is_tokios { REMEDY } else { "" };
            // If stderr is closed, there is nobody to tell, and `eprintln!` would panic.
            let _ = writeln!(
                std::io::stderr(),
                "ayi: {text}; {name}it was spawned at {place} and nobody joins it{remedy}"
            );
        }
        foreign::run(|| drop(error));
        self == UnhandledPanic::ShutdownRuntime
    }
}
