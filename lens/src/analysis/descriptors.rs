//! Descriptors: what they are, and how often epoll and the tasks looked at them.

use super::build::Build;
use super::{Descriptor, KEY};

/// The results of an operation that found nothing, and that failed.
const EMPTY: u16 = 2;
const FAILED: u16 = 3;

impl Build<'_> {
    fn source(&mut self, key: u64) -> &mut Descriptor {
        let index = match self.analysis.keys.get(&(key & KEY)) {
            Some(index) => *index,
            None => self.add_source(key),
        };
        &mut self.analysis.descriptors[index as usize]
    }

    fn add_source(&mut self, key: u64) -> u32 {
        let index = self.analysis.descriptors.len() as u32;
        self.analysis.descriptors.push(Descriptor { key, ..Descriptor::default() });
        self.analysis.keys.insert(key & KEY, index);
        index
    }

    /// A key that is registered again is another descriptor.
    pub fn registered(&mut self, time: u64, key: u64, fd: u32, kind: u32) -> u32 {
        let index = self.add_source(key);
        let descriptor = &mut self.analysis.descriptors[index as usize];
        (descriptor.fd, descriptor.kind, descriptor.registered) = (Some(fd), kind, Some(time));
        index
    }

    pub fn reported(&mut self, key: u64) {
        self.source(key).reports += 1;
    }

    pub fn tried(&mut self, key: u64, result: u16) {
        if key == 0 {
            // Of a descriptor that is not registered.
            return;
        }
        let descriptor = self.source(key);
        descriptor.tries += 1;
        descriptor.empty += u64::from(result == EMPTY);
        descriptor.failed += u64::from(result == FAILED);
    }

    pub fn given_up(&mut self, time: u64, key: u64, fd: u32) {
        let descriptor = self.source(key);
        (descriptor.fd, descriptor.given_up) = (Some(fd), Some(time));
    }

    /// Adds what the section says of the descriptors that are registered.
    pub fn live_descriptors(&mut self) {
        let runtime = self.runtime;
        for live in &runtime.section.sources {
            let descriptor = self.source(live.key);
            if descriptor.given_up.is_some() {
                continue;
            }
            (descriptor.fd, descriptor.waiting) = (Some(live.fd), live.waiting);
            if descriptor.kind == 0 {
                descriptor.kind = live.kind;
            }
            if descriptor.peer.is_empty() {
                descriptor.peer = runtime.text(live.peer).unwrap_or_default().to_owned();
            }
        }
    }
}
