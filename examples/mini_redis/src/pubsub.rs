//! Who has subscribed to what, and the messages that wait for them.
//!
//! ```text
//!   PUBLISH ──▶ channels, patterns ──▶ each subscriber's mail ──▶ its connection's task, which the bell wakes
//! ```
//!
//! Whoever publishes never waits. So what waits for a subscriber that does not read is limited, and one that is over
//! the limit is cut off.

use crate::bell::Bell;
use crate::glob;
use crate::resp::Replies;
use ayi::net::TcpStream;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Shutdown;
use std::rc::Rc;

/// Bytes that wait for a subscriber, beyond what is being sent to it and what the system's buffers hold
/// (`client-output-buffer-limit pubsub`, 32 MiB in Redis).
const MAX_MAIL: usize = 16 * 1024 * 1024;

pub type Name = Rc<[u8]>;

pub struct Subscriber {
    id: u64,
    stream: Rc<TcpStream>,
    /// Messages, as they are sent.
    mail: RefCell<Vec<u8>>,
    is_cut_off: Cell<bool>,
    bell: Bell,
}

impl Subscriber {
    pub fn new(id: u64, stream: Rc<TcpStream>) -> Rc<Subscriber> {
        Rc::new(Subscriber {
            id,
            stream,
            mail: RefCell::default(),
            is_cut_off: Cell::new(false),
            bell: Bell::default(),
        })
    }

    /// Waits until there is something to take.
    pub async fn has_mail(&self) {
        self.bell.rung().await;
    }

    pub fn take_mail(&self, replies: &mut Replies) {
        let mut mail = self.mail.borrow_mut();
        if !mail.is_empty() {
            replies.append(&mut mail);
        }
    }

    fn deliver(&self, message: &[u8]) {
        let mut mail = self.mail.borrow_mut();
        if self.is_cut_off.get() {
            return;
        }
        if mail.len() + message.len() > MAX_MAIL {
            self.is_cut_off.set(true);
            *mail = Vec::new();
            // Its task, whether it reads or writes, meets the end of the connection, and sees to the rest.
            let _ = self.stream.shutdown(Shutdown::Both);
            return;
        }
        mail.extend_from_slice(message);
        drop(mail);
        self.bell.ring();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Channel,
    Pattern,
}

type Subscribers = BTreeMap<u64, Rc<Subscriber>>;

#[derive(Default)]
pub struct PubSub {
    channels: HashMap<Name, Subscribers>,
    patterns: HashMap<Name, Subscribers>,
}

impl PubSub {
    fn of(&mut self, kind: Kind) -> &mut HashMap<Name, Subscribers> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
        }
    }

    fn enter(&mut self, kind: Kind, name: &Name, subscriber: &Rc<Subscriber>) {
        self.of(kind).entry(name.clone()).or_default().insert(subscriber.id, subscriber.clone());
    }

    fn leave(&mut self, kind: Kind, name: &Name, id: u64) {
        let all = self.of(kind);
        if let Some(subscribers) = all.get_mut(name) {
            subscribers.remove(&id);
            if subscribers.is_empty() {
                all.remove(name);
            }
        }
    }

    /// Returns how many have got it. Who listens to the channel in two ways gets it twice.
    pub fn publish(&self, channel: &[u8], message: &[u8]) -> usize {
        let mut count = 0;
        if let Some(subscribers) = self.channels.get(channel) {
            count += deliver(subscribers, &[b"message", channel, message]);
        }
        for (pattern, subscribers) in &self.patterns {
            if glob::matches(pattern, channel) {
                count += deliver(subscribers, &[b"pmessage", pattern, channel, message]);
            }
        }
        count
    }

    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    pub fn patterns(&self) -> usize {
        self.patterns.len()
    }
}

fn deliver(subscribers: &Subscribers, parts: &[&[u8]]) -> usize {
    // Put together once, for all of them.
    let mut message = Replies::default();
    message.array(parts.len());
    parts.iter().for_each(|part| message.bulk(part));
    subscribers.values().for_each(|subscriber| subscriber.deliver(message.bytes()));
    subscribers.len()
}

/// What one client has subscribed to. It is gone from the lists when this is dropped.
pub struct Subscriptions {
    pubsub: Rc<RefCell<PubSub>>,
    pub subscriber: Rc<Subscriber>,
    channels: BTreeSet<Name>,
    patterns: BTreeSet<Name>,
}

impl Subscriptions {
    pub fn new(pubsub: Rc<RefCell<PubSub>>, subscriber: Rc<Subscriber>) -> Subscriptions {
        Subscriptions { pubsub, subscriber, channels: BTreeSet::new(), patterns: BTreeSet::new() }
    }

    fn of(&mut self, kind: Kind) -> &mut BTreeSet<Name> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
        }
    }

    pub fn len(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    pub fn enter(&mut self, kind: Kind, name: &[u8]) {
        let name = Name::from(name);
        self.pubsub.borrow_mut().enter(kind, &name, &self.subscriber);
        self.of(kind).insert(name);
    }

    pub fn leave(&mut self, kind: Kind, name: &[u8]) {
        if let Some(name) = self.of(kind).take(name) {
            self.pubsub.borrow_mut().leave(kind, &name, self.subscriber.id);
        }
    }

    pub fn names(&mut self, kind: Kind) -> Vec<Name> {
        self.of(kind).iter().cloned().collect()
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        for kind in [Kind::Channel, Kind::Pattern] {
            self.names(kind).iter().for_each(|name| self.leave(kind, name));
        }
    }
}
