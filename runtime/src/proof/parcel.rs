//! An operation of a ring whose future is on another thread: `services/parcel`, with `late`.
//!
//! The ring is a stand-in with one operation, which does what the proactor does. The inbox is a list that is closed at the
//! end, as the gate closes it.

use super::elsewhere::block_on;
use crate::core::foreign::lock;
use crate::core::sync::{Mutex, explore};
use crate::services::parcel::late::{self, Held};
use crate::services::parcel::{OperationKey, Outcome, Parcel, Resources, Rest};
use loom::thread;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

const RUNTIME: u64 = 1;
const KEY: OperationKey = OperationKey(3);
const RESULT: i32 = 7;
const CANCELLED: i32 = -libc::ECANCELED;

/// What other threads have of the owner: `None` if that has ended.
struct Inbox(Mutex<Option<Vec<Arc<Parcel>>>>);

impl Inbox {
    fn new() -> Arc<Inbox> {
        Arc::new(Inbox(Mutex::new(Some(Vec::new()))))
    }

    /// Returns whether the owner will read it.
    fn send(&self, parcel: &Arc<Parcel>) -> bool {
        let mut messages = lock(&self.0);
        if let Some(messages) = &mut *messages {
            messages.push(parcel.clone());
            return true;
        }
        drop(messages);
        late::asked(RUNTIME, KEY, parcel).run();
        false
    }
}

enum Entry {
    Running,
    Done(i32),
    Forwarded(Arc<Parcel>),
    Orphan(Box<dyn Resources>),
    Free,
}

/// The thread that has the ring.
struct Owner {
    inbox: Arc<Inbox>,
    entry: Entry,
    is_lasting: bool,
}

impl Owner {
    fn read(&mut self) {
        let messages = lock(&self.inbox.0).as_mut().map(std::mem::take);
        messages.into_iter().flatten().for_each(|parcel| self.forward(&parcel));
    }

    fn forward(&mut self, parcel: &Arc<Parcel>) {
        let Some(wish) = parcel.wish() else { return };
        self.is_lasting |= wish.is_lasting;
        let before = std::mem::replace(&mut self.entry, Entry::Free);
        assert!(!matches!(before, Entry::Free | Entry::Orphan(_)), "parcel invariant 1");
        match (before, wish.resources) {
            (Entry::Done(result), None) => parcel.put(Some(result)).run(),
            (Entry::Done(result), resources) => {
                Rest { settle: resources.map(|resources| (resources, result)), ..Rest::default() }.run();
            }
            (_, Some(resources)) => self.entry = Entry::Orphan(resources),
            (_, None) => self.entry = Entry::Forwarded(parcel.clone()),
        }
    }

    fn complete(&mut self, result: i32) {
        let rest = match std::mem::replace(&mut self.entry, Entry::Free) {
            Entry::Running => {
                self.entry = Entry::Done(result);
                return;
            }
            Entry::Forwarded(parcel) => parcel.put(Some(result)),
            Entry::Orphan(resources) => Rest { settle: Some((resources, result)), ..Rest::default() },
            before => return self.entry = before,
        };
        rest.run();
    }

    fn end(mut self) {
        self.read();
        let rest = lock(&self.inbox.0).take();
        rest.into_iter().flatten().for_each(|parcel| self.forward(&parcel));
        self.complete(if self.is_lasting { RESULT } else { CANCELLED });
        let held = match self.entry {
            Entry::Done(result) => Some(Held { key: KEY, outcome: Some(result), parcel: None }),
            _ => None,
        };
        late::ended(RUNTIME, held.into_iter()).into_iter().for_each(Rest::run);
    }
}

/// A future that is not at home.
struct Future {
    inbox: Arc<Inbox>,
    parcel: Option<Arc<Parcel>>,
}

impl Future {
    fn poll(&mut self, waker: Waker) -> Poll<Outcome> {
        let looked = match &self.parcel {
            Some(parcel) => parcel.look(waker).ok(),
            None => {
                let parcel = self.parcel.insert(Parcel::awaited(Some(waker)));
                self.inbox.send(parcel);
                parcel.outcome()
            }
        };
        looked.map_or(Poll::Pending, Poll::Ready)
    }

    fn drop_with(self, resources: Box<dyn Resources>) {
        let parcel = match self.parcel {
            None => Parcel::given_up(resources),
            Some(parcel) => match parcel.give_up(resources) {
                Ok(_waker) => parcel,
                Err(settle) => return Rest { settle, ..Rest::default() }.run(),
            },
        };
        self.inbox.send(&parcel);
    }
}

/// A new operation: its owner, and its future, which goes to another thread.
fn operation() -> (Owner, Future) {
    let inbox = Inbox::new();
    let owner = Owner { inbox: inbox.clone(), entry: Entry::Running, is_lasting: false };
    (owner, Future { inbox, parcel: None })
}

/// It is completed, or the end comes, before the first poll, while the message is under way, or while it waits. It has been
/// polled with another waker before.
#[test]
fn what_is_awaited_elsewhere_arrives() {
    for polls_before in [0, 1] {
        for is_completed in [true, false] {
            explore(3, move || {
                let (mut owner, mut future) = operation();
                let waits = thread::spawn(move || {
                    for _ in 0..polls_before {
                        if let Poll::Ready(outcome) = future.poll(Waker::noop().clone()) {
                            return outcome;
                        }
                    }
                    block_on(poll_fn(|cx| future.poll(cx.waker().clone())))
                });
                owner.read();
                if is_completed {
                    owner.complete(RESULT);
                }
                owner.end();
                let expected = if is_completed { RESULT } else { CANCELLED };
                assert_eq!(waits.join().unwrap(), Some(expected));
                assert_eq!(late::words(), 0);
            });
        }
    }
}

/// The resources of a future that is dropped, and the results that they were settled with.
#[derive(Clone, Default)]
struct Settled(Arc<Mutex<Vec<i32>>>);

impl Resources for Settled {
    fn abandoned(self: Box<Self>, result: i32) {
        lock(&self.0).push(result);
    }
}

/// It is given up without a poll, after a poll, or after two: on a thread that has the message under way, is waited for, or
/// has the result.
#[test]
fn what_is_given_up_elsewhere_is_settled_once() {
    for polls in [0, 1, 2] {
        explore(3, move || {
            let (mut owner, mut future) = operation();
            let settled = Settled::default();
            let resources = Box::new(settled.clone());
            let drops = thread::spawn(move || {
                for _ in 0..polls {
                    if future.poll(Waker::noop().clone()).is_ready() {
                        return true;
                    }
                }
                future.drop_with(resources);
                false
            });
            owner.read();
            owner.complete(RESULT);
            owner.end();
            let had_result = drops.join().unwrap();
            assert_eq!(*lock(&settled.0), if had_result { vec![] } else { vec![RESULT] });
            assert_eq!(late::words(), 0);
        });
    }
}

/// The end comes in between. If it was told in time, the operation has been waited for.
#[test]
fn what_is_made_lasting_elsewhere_is_not_cancelled() {
    explore(3, || {
        let (owner, mut future) = operation();
        let settled = Settled::default();
        let resources = Box::new(settled.clone());
        let thread = thread::spawn(move || {
            let parcel = future.parcel.insert(Parcel::awaited(None));
            parcel.make_lasting();
            let is_told = future.inbox.send(parcel);
            future.drop_with(resources);
            is_told
        });
        owner.end();
        let expected = if thread.join().unwrap() { RESULT } else { CANCELLED };
        assert_eq!(*lock(&settled.0), [expected]);
        assert_eq!(late::words(), 0);
    });
}
