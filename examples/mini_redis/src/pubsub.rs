//! Subscriptions, and the messages that wait for subscribers.
//!
//! ```text
//!   PUBLISH ──▶ channels, patterns ──▶ each subscriber's mail ──▶ its connection's task, which the bell wakes
//! ```
//!
//! A publisher never waits for a subscriber. So the bytes that wait for a subscriber that does not read are limited,
//! and a subscriber over the limit is cut off.
//!
//! Finding and serving all listeners can take long. So this can be done a part at a time, while others subscribe and
//! leave: patterns and subscribers have an order, in which one can continue after any of them.

use crate::bell::Bell;
use crate::resp::Replies;
use crate::turn::{PER_SUBSCRIBER, Turn, copying};
use ayi::net::TcpStream;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Shutdown;
use std::ops::Bound::{Excluded, Unbounded};
use std::rc::Rc;

/// The bytes that wait for a subscriber, beyond what is being sent to it and what the system's buffers hold
/// (`client-output-buffer-limit pubsub`, 32 MiB in Redis).
const MAX_MAIL: usize = 16 * 1024 * 1024;

/// In bytes. A message as long as this is not copied for each of its subscribers.
const SHARED: usize = 4 * 1024;

pub type Name = Rc<[u8]>;

pub struct Subscriber {
    id: u64,
    stream: Rc<TcpStream>,
    mail: RefCell<Mail>,
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
        self.mail.borrow_mut().take(replies);
    }

    fn deliver(&self, message: &Rc<Vec<u8>>) {
        let mut mail = self.mail.borrow_mut();
        if self.is_cut_off.get() {
            return;
        }
        if mail.len() + message.len() > MAX_MAIL {
            self.is_cut_off.set(true);
            *mail = Mail::default();
            // Its task, whether it reads or writes, meets the end of the connection, and does the rest.
            let _ = self.stream.shutdown_now(Shutdown::Both);
            return;
        }
        mail.add(message);
        drop(mail);
        self.bell.ring();
    }
}

/// Messages, as they are sent. Short ones are copied. A long one is shared by all who get it: copying it would make its
/// delivery slow.
#[derive(Default)]
struct Mail {
    /// The messages that come first, as bytes.
    parts: Vec<Rc<Vec<u8>>>,
    parts_len: usize,
    /// The short messages that come after that.
    last: Vec<u8>,
}

impl Mail {
    fn len(&self) -> usize {
        self.parts_len + self.last.len()
    }

    fn add(&mut self, message: &Rc<Vec<u8>>) {
        if message.len() < SHARED {
            self.last.extend_from_slice(message);
            return;
        }
        if !self.last.is_empty() {
            let last = std::mem::take(&mut self.last);
            self.add_part(Rc::new(last));
        }
        self.add_part(message.clone());
    }

    fn add_part(&mut self, part: Rc<Vec<u8>>) {
        self.parts_len += part.len();
        self.parts.push(part);
    }

    fn take(&mut self, replies: &mut Replies) {
        if !self.parts.is_empty() {
            std::mem::take(&mut self.parts).iter().for_each(|part| replies.extend(part));
            self.parts_len = 0;
        }
        if !self.last.is_empty() {
            replies.append(&mut self.last);
        }
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
    patterns: BTreeMap<Name, Subscribers>,
}

impl PubSub {
    fn enter(&mut self, kind: Kind, name: &Name, subscriber: &Rc<Subscriber>) {
        let subscribers = match kind {
            Kind::Channel => self.channels.entry(name.clone()).or_default(),
            Kind::Pattern => self.patterns.entry(name.clone()).or_default(),
        };
        subscribers.insert(subscriber.id, subscriber.clone());
    }

    fn leave(&mut self, kind: Kind, name: &Name, id: u64) {
        let subscribers = match kind {
            Kind::Channel => self.channels.get_mut(name),
            Kind::Pattern => self.patterns.get_mut(name),
        };
        let Some(subscribers) = subscribers else { return };
        subscribers.remove(&id);
        if subscribers.is_empty() {
            match kind {
                Kind::Channel => drop(self.channels.remove(name)),
                Kind::Pattern => drop(self.patterns.remove(name)),
            }
        }
    }

    /// Returns the first pattern that has a listener, or the one that comes after another.
    pub fn pattern_after(&self, before: Option<&Name>) -> Option<Name> {
        let rest = match before {
            Some(before) => self.patterns.range::<Name, _>((Excluded(before), Unbounded)),
            None => self.patterns.range::<Name, _>(..),
        };
        rest.map(|(pattern, _)| pattern).next().cloned()
    }

    /// Delivers to the listeners, from the one after `last` on, until the turn is over. Returns how many have got it,
    /// and whether there may be more.
    pub fn deliver(
        &self,
        kind: Kind,
        name: &[u8],
        message: &Rc<Vec<u8>>,
        last: &mut u64,
        turn: &mut Turn,
    ) -> (usize, bool) {
        let subscribers = match kind {
            Kind::Channel => self.channels.get(name),
            Kind::Pattern => self.patterns.get(name),
        };
        let Some(subscribers) = subscribers else { return (0, false) };
        let mut count = 0;
        for (id, subscriber) in subscribers.range((Excluded(*last), Unbounded)) {
            if turn.is_over() {
                return (count, true);
            }
            turn.spend(PER_SUBSCRIBER + copying(message.len().min(SHARED)));
            subscriber.deliver(message);
            *last = *id;
            count += 1;
        }
        (count, false)
    }

    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    pub fn patterns(&self) -> usize {
        self.patterns.len()
    }
}

/// Makes a message, once for all who get it.
pub fn message(parts: &[&[u8]]) -> Rc<Vec<u8>> {
    let mut message = Replies::default();
    message.array(parts.len());
    parts.iter().for_each(|part| message.bulk(part));
    Rc::new(message.into_bytes())
}

/// The subscriptions of one client. It is removed from the lists when this is dropped.
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

    /// Returns one of the names, if there is any.
    pub fn first(&mut self, kind: Kind) -> Option<Name> {
        self.of(kind).first().cloned()
    }

    /// Leaves everything that it has entered, and gives way in between.
    pub async fn leave_all(mut self, turn: &mut Turn) {
        for kind in [Kind::Channel, Kind::Pattern] {
            while let Some(name) = self.first(kind) {
                self.leave(kind, &name);
                turn.spend(PER_SUBSCRIBER);
                turn.give_way().await;
            }
        }
    }
}

/// This happens if its task was ended before it could leave.
impl Drop for Subscriptions {
    fn drop(&mut self) {
        for kind in [Kind::Channel, Kind::Pattern] {
            while let Some(name) = self.first(kind) {
                self.leave(kind, &name);
            }
        }
    }
}
