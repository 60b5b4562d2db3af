//! What is going to happen, in the order of time. What is due at the same time comes in an order that the seed decides.

use super::hosts::HostId;
use super::slab::Key;
use crate::{Nanos, Rng};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Event {
    /// The program of a host runs, in its life of this number.
    Run(HostId, u32),
    /// A call of a blocking pool runs, the one of this number.
    Call(u32),
    /// A SYN of this socket arrives, which is not the first by that number.
    Syn(Key, u32),
    /// The answer to it arrives: from the socket that was made, or a refusal.
    SynAck(Key, Option<Key>),
    /// The answer to that arrives at the socket that was made.
    Accepted(Key),
    /// The first segment that this socket has under way arrives.
    Segment(Key),
    /// This socket hears how much of what it has sent has arrived.
    Ack(Key),
    /// A reset arrives at this socket.
    Reset(Key),
    /// A datagram arrives.
    Datagram(Key),
    /// What was planned, or asked for: the plan's number.
    Planned(u32),
}

impl Event {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Event::Run(..) => "run",
            Event::Call(_) => "call of the pool",
            Event::Syn(..) => "SYN",
            Event::SynAck(..) => "SYN-ACK",
            Event::Accepted(_) => "ACK of a SYN-ACK",
            Event::Segment(_) => "segment",
            Event::Ack(_) => "ACK",
            Event::Reset(_) => "RST",
            Event::Datagram(_) => "datagram",
            Event::Planned(_) => "planned",
        }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Nanos,
    /// Drawn from the seed.
    lot: u32,
    /// Events of the same lot come in the order in which they were added.
    number: u64,
    event: Event,
}

pub(crate) struct Events {
    heap: BinaryHeap<Reverse<Due>>,
    rng: Rng,
    added: u64,
}

impl Events {
    pub(crate) fn new(rng: Rng) -> Events {
        Events { heap: BinaryHeap::new(), rng, added: 0 }
    }

    pub(crate) fn add(&mut self, at: Nanos, event: Event) {
        self.added += 1;
        // What was asked for happens in the order in which it was, and before anything else.
        let lot = if let Event::Planned(_) = event { 0 } else { (self.rng.next() >> 32) as u32 };
        self.heap.push(Reverse(Due { at, lot, number: self.added, event }));
    }

    pub(crate) fn pop(&mut self) -> Option<(Nanos, Event)> {
        self.heap.pop().map(|Reverse(due)| (due.at, due.event))
    }

    pub(crate) fn next_time(&self) -> Option<Nanos> {
        self.heap.peek().map(|Reverse(due)| due.at)
    }
}
