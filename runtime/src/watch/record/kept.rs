//! What the events that were overwritten have said of tasks that are not finished and of descriptors that are open.
//!
//! With it, a reader knows every task and every descriptor of the events that are left.

use super::event::{Event, Kind};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Kept {
    pub(super) tasks: BTreeMap<u64, KeptTask>,
    pub(super) sources: BTreeMap<u64, KeptSource>,
    /// What the next events of the kind `Text` belong to.
    named: Option<Named>,
}

enum Named {
    Task(u64),
    Source(u64),
}

/// A task that began in an event that was overwritten.
#[derive(Default)]
pub(super) struct KeptTask {
    pub(super) name: Vec<u8>,
    /// Its number in `places`.
    pub(super) place: u16,
    /// In ticks.
    pub(super) since: u64,
}

/// A descriptor that was registered in such an event.
#[derive(Default)]
pub(super) struct KeptSource {
    /// As in the event.
    pub(super) word: u64,
    pub(super) peer: Vec<u8>,
}

const fn bit(kind: Kind) -> u64 {
    1 << kind as u8
}

impl Kept {
    /// Whether an event of this kind says anything that is to be kept. Most do not.
    #[inline]
    pub(super) fn wants(kind: u8) -> bool {
        const WANTED: u64 = bit(Kind::Spawned)
            | bit(Kind::Text)
            | bit(Kind::Ended)
            | bit(Kind::Arrived)
            | bit(Kind::Registered)
            | bit(Kind::GivenUp);
        WANTED >> (kind % 64) & 1 == 1
    }

    /// Takes over what there is in an event that is about to be overwritten. They come in their order.
    #[cold]
    pub(super) fn take_over(&mut self, event: &Event) {
        // A text directly follows what it belongs to.
        if event.is_a(Kind::Text) {
            return self.add_text(event);
        }
        self.named = None;
        if event.is_a(Kind::Spawned) || event.is_a(Kind::Arrived) {
            let task = KeptTask { place: event.more() as u16, since: event.time, ..KeptTask::default() };
            self.tasks.insert(event.id(), task);
            self.named = Some(Named::Task(event.id()));
        } else if event.is_a(Kind::Ended) {
            self.tasks.remove(&event.id());
        } else if event.is_a(Kind::Registered) {
            self.sources.insert(event.a, KeptSource { word: event.b, ..KeptSource::default() });
            self.named = Some(Named::Source(event.a));
        } else if event.is_a(Kind::GivenUp) {
            self.sources.remove(&event.a);
        }
    }

    fn add_text(&mut self, event: &Event) {
        let text = match self.named {
            Some(Named::Task(id)) => self.tasks.get_mut(&id).map(|task| &mut task.name),
            Some(Named::Source(key)) => self.sources.get_mut(&key).map(|source| &mut source.peer),
            None => None,
        };
        if let Some(text) = text {
            text.extend(event.text());
        }
    }
}
