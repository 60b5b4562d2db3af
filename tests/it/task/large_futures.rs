//! Futures that fill much of a stack: they are moved only a few times, whatever runs them.
//!
//! A build for tests is not optimised, so each function that takes a future by value may keep a copy of it. Each entry
//! point runs in a process of its own, on a thread whose stack has room for a few such copies.

use crate::support;
use ayi::runtime::{Handle, Runtime};
use ayi::task::{self, Builder, JoinSet, LocalSet, yield_now};
use ayi::time::{Duration, timeout};
use std::hint::black_box;
use std::thread;

const KIB_512: usize = 512 << 10;

async fn large() -> u8 {
    let mut array = [7; KIB_512];
    yield_now().await;
    black_box(&mut array)[0]
}

type Run = fn(Runtime);

/// What runs it, and in how many copies. One copy is the future's own, made on the stack by the caller, and another is
/// the array's, while it is filled.
const ENTRY_POINTS: &[(&str, usize, Run)] = &[
    ("Runtime::block_on", 3, |rt| done(rt.block_on(large()))),
    ("Handle::block_on", 3, |rt| done(rt.handle().block_on(large()))),
    ("Handle::block_on, another thread", 3, |rt| {
        let handle = rt.handle().clone();
        elsewhere(3, move || done(handle.block_on(large())));
    }),
    ("Runtime::spawn", 3, |rt| {
        let task = rt.spawn(large());
        done(rt.block_on(task).unwrap());
    }),
    ("spawn", 3, |rt| {
        let _inside = rt.enter();
        let task = ayi::spawn(large());
        done(rt.block_on(task).unwrap());
    }),
    ("spawn, in a task", 3, |rt| done(rt.block_on(async { ayi::spawn(large()).await.unwrap() }))),
    ("Handle::spawn", 3, |rt| {
        let task = rt.handle().spawn(large());
        done(rt.block_on(task).unwrap());
    }),
    ("Handle::spawn, another thread", 3, |rt| {
        let handle = rt.handle().clone();
        let task = elsewhere(3, move || handle.spawn(large()));
        done(rt.block_on(task).unwrap());
    }),
    ("Handle::spawn_with", 5, |rt| {
        let task = rt.handle().spawn_with(large);
        done(rt.block_on(task).unwrap());
    }),
    ("JoinSet::spawn", 4, |rt| rt.block_on(in_set(|set| set.spawn(large())))),
    ("JoinSet::spawn_on", 4, |rt| {
        rt.block_on(in_set(|set| set.spawn_on(large(), &Handle::current())));
    }),
    ("JoinSet::spawn_local", 4, |rt| rt.block_on(in_set(|set| set.spawn_local(large())))),
    ("JoinSet::spawn_local_on", 4, |rt| {
        let local = LocalSet::new();
        local.block_on(&rt, in_set(|set| set.spawn_local_on(large(), &local)));
    }),
    ("JoinSet::build_task", 5, |rt| {
        rt.block_on(in_set(|set| set.build_task().name("large").spawn(large())));
    }),
    ("task::Builder::spawn", 4, |rt| {
        let _inside = rt.enter();
        let task = Builder::new().name("large").spawn(large()).unwrap();
        done(rt.block_on(task).unwrap());
    }),
    ("task::Builder::spawn_on", 4, |rt| {
        let task = Builder::new().name("large").spawn_on(large(), &rt.handle().clone()).unwrap();
        done(rt.block_on(task).unwrap());
    }),
    ("task::spawn_local", 3, |rt| {
        let _inside = rt.enter();
        let local = LocalSet::new();
        let _in_set = local.enter();
        let task = task::spawn_local(large());
        done(local.block_on(&rt, task).unwrap());
    }),
    ("LocalSet::spawn_local", 3, |rt| {
        let _inside = rt.enter();
        let local = LocalSet::new();
        let task = local.spawn_local(large());
        done(local.block_on(&rt, task).unwrap());
    }),
    ("LocalSet::run_until", 8, |rt| done(rt.block_on(LocalSet::new().run_until(large())))),
    ("LocalSet::block_on", 8, |rt| done(LocalSet::new().block_on(&rt, large()))),
    ("timeout", 8, |rt| {
        done(rt.block_on(async { timeout(Duration::from_secs(3600), large()).await.unwrap() }));
    }),
    ("join!", 8, |rt| done(rt.block_on(async { ayi::join!(large(), yield_now()).0 }))),
    ("select!", 9, |rt| {
        let byte = async {
            ayi::select! { byte = large() => byte, () = std::future::pending() => 0 }
        };
        done(rt.block_on(byte));
    }),
    ("spawn_blocking, a large closure", 6, |rt| {
        let array = [7; KIB_512];
        let call = rt.spawn_blocking(move || array[0]);
        done(rt.block_on(call).unwrap());
    }),
];

async fn in_set<R>(spawn: impl FnOnce(&mut JoinSet<u8>) -> R) {
    let mut set = JoinSet::new();
    let _ = spawn(&mut set);
    done(set.join_next().await.unwrap().unwrap());
}

fn done(byte: u8) {
    assert_eq!(byte, 7);
}

/// Runs `f` on a thread whose stack has room for so many copies, and 256 KiB for everything else.
fn elsewhere<T: Send + 'static>(copies: usize, f: impl FnOnce() -> T + Send + 'static) -> T {
    let stack = copies * KIB_512 + (256 << 10);
    thread::Builder::new().stack_size(stack).spawn(f).unwrap().join().unwrap()
}

#[test]
fn a_large_future_fits_on_a_stack_of_a_few_of_it() {
    if let Ok(entry_point) = std::env::var("AYI_TEST_ENTRY_POINT") {
        let &(_, copies, run) = ENTRY_POINTS.iter().find(|(name, ..)| *name == entry_point).unwrap();
        return elsewhere(copies, move || run(Runtime::new().unwrap()));
    }
    let _watchdog = support::Watchdog::new();
    let fits = |entry_point: &str| {
        let mut child = support::child(module_path!(), "a_large_future_fits_on_a_stack_of_a_few_of_it");
        child.env("AYI_TEST_ENTRY_POINT", entry_point).output().unwrap().status.success()
    };
    let overflow: Vec<_> = ENTRY_POINTS.iter().map(|(name, ..)| *name).filter(|name| !fits(name)).collect();
    assert!(overflow.is_empty(), "the stack overflows in {overflow:?}");
}
