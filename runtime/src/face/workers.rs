//! A runtime of several workers is made. See `services/crew`.

use super::background;
use super::link::Link;
use super::runtime::Runtime;
use super::settings::Settings;
use crate::services::shared::{Crew, Shared};
use crate::services::sharing::{Group, Seat};
use crate::services::stay::begin_idle;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Makes it, with all its threads running.
pub(crate) fn build(settings: &Settings, grace: Duration) -> io::Result<Runtime> {
    let group = Group::new(settings.workers, false);
    let mut settings = settings.clone();
    settings.seat = Some(Seat { group: group.clone(), index: 0 });
    let first = settings.make()?;
    let link = Link::of(&first);
    // If there is an error, this is dropped, and ends what has been made until then.
    let runtime = Runtime::of(first, grace);
    settings.leader = Some(link.clone());
    let (mut others, mut made) = (Vec::new(), Ok(()));
    for index in 1..settings.workers {
        settings.seat = Some(Seat { group: group.clone(), index });
        match settings.make() {
            Ok(worker) => {
                others.push(worker.lodgers.shared.clone());
                begin_idle(worker);
            }
            Err(error) => {
                made = Err(error);
                break;
            }
        }
    }
    let _ = link.shared.crew.set(Crew::new(group, others));
    made?;
    link.shared.workers().try_for_each(start)?;
    Ok(runtime)
}

/// Starts the thread of a worker, and waits until that has it.
fn start(worker: &Arc<Shared>) -> io::Result<()> {
    let Some(background) = &worker.background else { return Ok(()) };
    if background.must_start() {
        background::start(worker.runtime, worker)?;
    }
    background.wait_for_the_beginning();
    Ok(())
}
