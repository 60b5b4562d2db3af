//! The network between hosts: how long packets take from one to another, and whether they arrive.

use super::hosts::HostId;
use crate::{Nanos, Rng};
use std::collections::BTreeMap;

/// What a network does to packets in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The least and the greatest time that a packet takes, in nanoseconds.
    pub(crate) latency: (Nanos, Nanos),
    /// In bytes per second.
    pub(crate) bandwidth: Option<u64>,
    /// The probability that a packet is lost.
    pub(crate) loss: f64,
    /// The probability that a datagram arrives twice.
    pub(crate) duplication: f64,
    pub(crate) is_cut: bool,
}

/// The network between any two hosts, unless another is set: a data centre's.
const USUAL: Link =
    Link { latency: (100_000, 500_000), bandwidth: None, loss: 0.0, duplication: 0.0, is_cut: false };

pub(crate) struct Links {
    usual: Link,
    others: BTreeMap<(HostId, HostId), Link>,
    /// Until when packets are being sent, where the bandwidth is limited.
    busy: BTreeMap<(HostId, HostId), Nanos>,
    rng: Rng,
}

impl Links {
    pub(crate) fn new(rng: Rng) -> Links {
        Links { usual: USUAL, others: BTreeMap::new(), busy: BTreeMap::new(), rng }
    }

    pub(crate) fn get(&self, from: HostId, to: HostId) -> Link {
        self.others.get(&(from, to)).copied().unwrap_or(self.usual)
    }

    /// Changes what there is from any host to any other one.
    pub(crate) fn change_all(&mut self, change: impl Fn(&mut Link)) {
        change(&mut self.usual);
        self.others.values_mut().for_each(change);
    }

    pub(crate) fn change(&mut self, from: HostId, to: HostId, change: impl FnOnce(&mut Link)) {
        change(self.others.entry((from, to)).or_insert(self.usual));
    }

    /// Whether a packet that arrives now does so.
    pub(crate) fn arrives(&mut self, from: HostId, to: HostId) -> bool {
        let link = self.get(from, to);
        from == to || !link.is_cut && !self.rng.chance(link.loss)
    }

    /// Whether a datagram arrives once more.
    pub(crate) fn duplicates(&mut self, from: HostId, to: HostId) -> bool {
        from != to && self.rng.chance(self.get(from, to).duplication)
    }

    /// When a packet arrives that is sent at `now`. Within a host this is at once.
    pub(crate) fn arrival(&mut self, from: HostId, to: HostId, bytes: usize, now: Nanos) -> Nanos {
        if from == to {
            return now;
        }
        let link = self.get(from, to);
        let mut left = now;
        if let Some(bandwidth) = link.bandwidth {
            // 40 bytes are the headers of IP and TCP without options.
            let takes = (bytes as u64 + 40).saturating_mul(1_000_000_000) / bandwidth.max(1);
            let busy = self.busy.entry((from, to)).or_default();
            left = now.max(*busy).saturating_add(takes);
            *busy = left;
        }
        left.saturating_add(self.rng.between(link.latency.0, link.latency.1))
    }
}
