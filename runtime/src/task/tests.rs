//! The slots seen from inside: their number, and who gets them.

use super::{LocalScheduler, Scheduler, UnhandledPanic, send_body_of, spawn_from_afar};
use std::panic::Location;
use std::thread;

/// A scheduler for the current thread, which is not given back: each test has one of its own.
fn open(runtime: u64) -> LocalScheduler {
    **std::mem::ManuallyDrop::new(Scheduler::acquire(runtime, UnhandledPanic::default()).unwrap())
}

fn turn(scheduler: LocalScheduler) {
    scheduler.drain_inbox();
    while let Some(slot) = scheduler.pop() {
        scheduler.run(slot);
    }
    scheduler.drain_inbox();
}

fn spawn_elsewhere(scheduler: &'static Scheduler, runtime: u64) {
    let spawn = move || {
        drop(spawn_from_afar::<()>(scheduler, runtime, send_body_of(async {}), Location::caller()));
    };
    thread::spawn(spawn).join().unwrap();
}

#[test]
fn remote_spawns_one_by_one_use_the_same_slots() {
    let scheduler = open(1);
    LocalScheduler::set_owned(Some(scheduler));
    for _ in 0..1000 {
        spawn_elsewhere(scheduler.shared(), 1);
        turn(scheduler);
    }
    assert_eq!(scheduler.slots().count(), 64);
}

/// Regression: a slot that was reserved, and then not used, was lost.
#[test]
fn remote_spawns_that_are_refused_use_the_same_slots() {
    let scheduler = open(2);
    LocalScheduler::set_owned(Some(scheduler));
    for _ in 0..1000 {
        spawn_elsewhere(scheduler.shared(), 77);
        turn(scheduler);
    }
    assert_eq!(scheduler.slots().count(), 64);
}
