//! Who waits for a descriptor: a table by tokens → sources with generations.
//!
//! epoll gives back 64 bits of the program's own choice with each event. If they are a number, the program looks it up in a
//! table: a hash and a search for each event, in memory that nothing else has touched. If they lead to the place itself,
//! there is nothing to look up.
//!
//! What goes wrong with a place alone: an event may come late, of a descriptor that was closed a moment ago, and by now its
//! place belongs to another one, which is woken for nothing, or believes what is not so. So each use of a place has a
//! generation, and the token carries it.
//!
//! From `runtime/src/core/wait/reactor.rs`:
//! ```text
//! let address = std::ptr::from_ref(source).expose_provenance() as u64;
//! SourceKey(address << 16 | u64::from(source.generation()))
//! ```
//!
//! In tokio: a token is the address of a `ScheduledIo`, too (`runtime/io/scheduled_io.rs`), which is counted by an `Arc`. What is given up
//! is kept by `runtime/io/registration_set.rs` until the driver has looked, so no event meets a place that is freed. A tick in the
//! readiness word says to which look of the driver it belongs, so a late `WouldBlock` clears nothing that is newer.

use super::{Chance, Part, Way};
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

pub const PART: Part = Part {
    name: "sources",
    operation: "find who waits for an event, 10,000 connections",
    simple: Way { what: "table by token", run: table },
    ours: Way { what: "place and generation", run: places },
};

const CONNECTIONS: u64 = 10_000;

/// Connections come and go, and events come for any of them, also for those that have just gone. Returns a sum over those
/// who were found.
fn events<T>(
    operations: u32,
    sources: &mut T,
    open: impl Fn(&mut T, u64) -> u64,
    close: impl Fn(&mut T, u64),
    find: impl Fn(&T, u64) -> Option<u64>,
) -> u64 {
    let mut chance = Chance(1);
    let mut tokens: Vec<u64> = (1..=CONNECTIONS).map(|who| open(sources, who)).collect();
    let mut sum = 0;
    for operation in 0..u64::from(operations) {
        let index = chance.below(CONNECTIONS) as usize;
        sum += find(sources, tokens[index]).expect("it is open");
        // One in a hundred closes, another one comes, and there is a late event.
        if operation % 100 == 0 {
            let late = tokens[index];
            close(sources, late);
            tokens[index] = open(sources, CONNECTIONS + operation);
            assert_eq!(find(sources, late), None);
        }
    }
    sum
}

#[derive(Default)]
struct Table {
    waiting: HashMap<u64, Rc<Cell<u64>>>,
    next: u64,
}

fn table(operations: u32) -> u64 {
    let open = |table: &mut Table, who| {
        table.next += 1;
        table.waiting.insert(table.next, Rc::new(Cell::new(who)));
        table.next
    };
    let close = |table: &mut Table, token| drop(table.waiting.remove(&token));
    events(operations, &mut Table::default(), open, close, |table, token| {
        Some(table.waiting.get(&token)?.get())
    })
}

/// A place, for one descriptor after the other.
#[derive(Default)]
struct Source {
    generation: u16,
    who: u64,
}

#[derive(Default)]
struct Sources {
    sources: Vec<Source>,
    free: Vec<usize>,
}

impl Sources {
    fn open(&mut self, who: u64) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.sources.push(Source::default());
            self.sources.len() - 1
        });
        self.sources[index].who = who;
        (index as u64) << 16 | u64::from(self.sources[index].generation)
    }

    fn close(&mut self, token: u64) {
        let index = (token >> 16) as usize;
        self.sources[index].generation = self.sources[index].generation.wrapping_add(1);
        self.free.push(index);
    }

    fn find(&self, token: u64) -> Option<u64> {
        let source = &self.sources[(token >> 16) as usize];
        (source.generation == token as u16).then_some(source.who)
    }
}

fn places(operations: u32) -> u64 {
    events(operations, &mut Sources::default(), Sources::open, Sources::close, Sources::find)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_event_finds_nobody_though_the_place_has_another_one() {
        let mut sources = Sources::default();
        let first = sources.open(1);
        sources.close(first);
        let second = sources.open(2);
        assert_eq!(first >> 16, second >> 16);
        assert_eq!((sources.find(first), sources.find(second)), (None, Some(2)));
    }
}
