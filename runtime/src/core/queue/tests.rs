//! Models of the handshakes, explored by loom. Run as CONTRIBUTING.md says.

use super::{Inbox, Posted};
use crate::core::sync::explore;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// Stands for the eventfd: counts rings; `sleep` returns after at least one.
struct Bell {
    rings: Mutex<usize>,
    rung: Condvar,
}

impl Bell {
    fn new() -> Bell {
        Bell { rings: Mutex::new(0), rung: Condvar::new() }
    }

    fn ring(&self) {
        *self.rings.lock().unwrap() += 1;
        self.rung.notify_one();
    }

    /// A lost wake-up shows as a deadlock, which loom reports.
    fn sleep(&self) -> usize {
        let mut rings = self.rings.lock().unwrap();
        while *rings == 0 {
            rings = self.rung.wait(rings).unwrap();
        }
        std::mem::take(&mut *rings)
    }
}

/// The owner's loop of `turn`: take what is there, sleep when there is nothing, until `count` items came.
fn receive<T>(inbox: &Inbox<T>, bell: &Bell, count: usize, mut each: impl FnMut(T)) {
    let mut received = 0;
    while received < count {
        while let Some(item) = inbox.pop() {
            each(item);
            received += 1;
        }
        if received < count && inbox.prepare_park() {
            bell.sleep();
            inbox.unpark();
        }
    }
}

#[test]
fn no_item_is_slept_over() {
    explore(4, || {
        let shared = Arc::new((Inbox::new(), Bell::new()));
        let other = shared.clone();
        let poster = thread::spawn(move || {
            for item in 0..2 {
                if other.0.post(item) {
                    other.1.ring();
                }
            }
        });
        let mut next = 0;
        receive(&shared.0, &shared.1, 2, |item| {
            assert_eq!(item, next, "first in, first out");
            next += 1;
        });
        poster.join().unwrap();
    });
}

#[test]
fn two_posters_while_parked_ring_once() {
    explore(4, || {
        let shared = Arc::new((Inbox::new(), Bell::new()));
        // The owner is about to sleep: whatever comes now must ring, and only once.
        assert!(shared.0.prepare_park());
        let poster = |item: u32| {
            let other = shared.clone();
            thread::spawn(move || {
                if other.0.post(item) {
                    other.1.ring();
                }
            })
        };
        let (a, b) = (poster(1), poster(2));
        let mut rings = shared.1.sleep();
        a.join().unwrap();
        b.join().unwrap();
        rings += std::mem::take(&mut *shared.1.rings.lock().unwrap());
        assert_eq!(rings, 1);
        shared.0.unpark();
        assert_eq!(shared.0.pop().unwrap() + shared.0.pop().unwrap(), 3);
    });
}

#[test]
fn a_poll_sees_what_every_waker_wrote() {
    // Two threads write, then wake. Only the first to set the flag posts, yet when the owner has polled often
    // enough to consume all posts, it has seen both writes (Relaxed: only the handshake orders them).
    explore(2, || {
        struct Shared {
            inbox: Inbox<()>,
            bell: Bell,
            posted: Posted,
            written: AtomicUsize,
        }
        let shared = Arc::new(Shared {
            inbox: Inbox::new(),
            bell: Bell::new(),
            posted: Posted::default(),
            written: AtomicUsize::new(0),
        });
        let waker = || {
            let s = shared.clone();
            thread::spawn(move || {
                s.written.fetch_add(1, Ordering::Relaxed);
                if s.posted.set() && s.inbox.post(()) {
                    s.bell.ring();
                }
            })
        };
        let (a, b) = (waker(), waker());
        loop {
            // The loop: drain, clear the flag, then poll; sleep if there is nothing.
            let mut polled = 0;
            while shared.inbox.pop().is_some() {
                shared.posted.clear();
                polled = shared.written.load(Ordering::Relaxed);
            }
            if polled == 2 {
                break;
            }
            if shared.inbox.prepare_park() {
                shared.bell.sleep();
                shared.inbox.unpark();
            }
        }
        a.join().unwrap();
        b.join().unwrap();
    });
}

#[test]
fn a_wake_during_the_poll_is_posted_anew() {
    explore(4, || {
        let shared = Arc::new((Inbox::new(), Bell::new(), Posted::default(), AtomicBool::new(false)));
        assert!(shared.2.set());
        assert!(!shared.0.post(()));
        let other = shared.clone();
        let waker = thread::spawn(move || {
            other.3.store(true, Ordering::Relaxed);
            if other.2.set() && other.0.post(()) {
                other.1.ring();
            }
        });
        // Polls until it sees the flag: if the wake fell between `clear` and the end of the poll and were lost,
        // this would sleep for ever.
        loop {
            let mut done = false;
            while shared.0.pop().is_some() {
                shared.2.clear();
                done = shared.3.load(Ordering::Relaxed);
            }
            if done {
                break;
            }
            if shared.0.prepare_park() {
                shared.1.sleep();
                shared.0.unpark();
            }
        }
        waker.join().unwrap();
    });
}
