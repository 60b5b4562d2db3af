//! `sync::Mutex` and `sync::RwLock`: who has the value, and who has it next.

use crate::support::{Wakes, poll_once, poll_with, run, watched};
use ayi::runtime::Runtime;
use ayi::sync::{
    Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use ayi::task::yield_now;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::Poll;
use std::thread;

#[test]
fn tasks_get_a_mutex_in_the_order_in_which_they_have_asked() {
    run(async || {
        let (lock, order) = (Rc::new(Mutex::new(0)), Rc::new(RefCell::new(Vec::new())));
        let first = lock.lock().await;
        let tasks: Vec<_> = (0..5)
            .map(|number| {
                let (lock, order) = (lock.clone(), order.clone());
                ayi::spawn(async move {
                    let mut value = lock.lock().await;
                    order.borrow_mut().push(number);
                    let seen = *value;
                    // A new caller comes after those that wait.
                    assert!(lock.try_lock().is_err());
                    yield_now().await;
                    *value = seen + 1;
                })
            })
            .collect();
        yield_now().await;
        drop(first);
        assert!(lock.try_lock().is_err(), "it belongs to the first who waits already");
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((order.take(), *lock.lock().await), (vec![0, 1, 2, 3, 4], 5));
    });
}

#[test]
fn who_gives_up_passes_the_mutex_on() {
    let lock = Mutex::new(());
    let guard = lock.try_lock().unwrap();
    let (wakes, waker) = Wakes::new();
    let (mut first, mut second) = (Box::pin(lock.lock()), pin!(lock.lock()));
    assert!(poll_once(first.as_mut()).is_pending() && poll_with(second.as_mut(), &waker).is_pending());
    drop(guard);
    assert_eq!(wakes.count(), 0);
    drop(first);
    assert_eq!(wakes.count(), 1);
    assert!(poll_once(second).is_ready());
}

#[test]
fn a_guard_of_a_part_holds_the_whole_lock_and_lets_it_go() {
    let lock = Arc::new(Mutex::new((1, vec![2, 3])));
    let part = MutexGuard::map(lock.try_lock().unwrap(), |pair| &mut pair.1);
    let mut part = ayi::sync::MappedMutexGuard::map(part, |numbers| &mut numbers[1]);
    assert!(lock.try_lock().is_err());
    *part += 10;
    drop(part);
    let guard = lock.clone().try_lock_owned().unwrap();
    let guard = OwnedMutexGuard::try_map(guard, |pair| pair.1.get_mut(5)).unwrap_err();
    assert!(lock.try_lock().is_err(), "the guard came back");
    assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &lock));
    let last = OwnedMutexGuard::map(guard, |pair| pair.1.last_mut().unwrap());
    let last = OwnedMappedMutexGuard::try_map(last, |_| None::<&mut u8>).unwrap_err();
    assert_eq!((*last, Arc::strong_count(&lock)), (13, 2));
    drop(last);
    // Neither a permit nor a reference of the `Arc` is lost or given back twice.
    assert_eq!((Arc::strong_count(&lock), lock.try_lock().is_ok()), (1, true));
    assert_eq!(Arc::into_inner(lock).unwrap().into_inner(), (1, vec![2, 13]));
}

#[test]
fn a_panic_lets_go_of_a_lock_and_does_not_poison_it() {
    let mutex = Arc::new(Mutex::new(1));
    let rw = Arc::new(RwLock::new(1));
    let panics: [&dyn Fn(); 6] = [
        &|| drop(MutexGuard::map(mutex.try_lock().unwrap(), |_| -> &mut () { panic!("while it picks") })),
        &|| {
            let guard = mutex.clone().try_lock_owned().unwrap();
            drop(OwnedMutexGuard::try_map(guard, |_| -> Option<&mut ()> { panic!("while it looks") }));
        },
        &|| {
            let _guard = (mutex.try_lock().unwrap(), rw.try_write().unwrap());
            panic!("while it has them");
        },
        &|| drop(RwLockReadGuard::map(rw.try_read().unwrap(), |_| -> &() { panic!("while it picks") })),
        &|| {
            drop(RwLockWriteGuard::downgrade_map(rw.try_write().unwrap(), |_| -> &() {
                panic!("while it picks")
            }));
        },
        &|| {
            let guard = rw.clone().try_write_owned().unwrap();
            drop(OwnedRwLockWriteGuard::try_downgrade_map(guard, |_| -> Option<&()> {
                panic!("while it looks")
            }));
        },
    ];
    for panic in panics {
        assert!(catch_unwind(AssertUnwindSafe(panic)).is_err());
        assert_eq!((*mutex.try_lock().unwrap(), *rw.try_write().unwrap()), (1, 1));
    }
    assert_eq!((Arc::strong_count(&mutex), Arc::strong_count(&rw)), (1, 1));
}

#[test]
fn readers_are_many_and_a_writer_is_alone() {
    let lock = RwLock::new(1);
    let (one, another) = (lock.try_read().unwrap(), lock.try_read().unwrap());
    assert!(*one + *another == 2 && lock.try_write().is_err());
    let ((write_wakes, write_waker), (read_wakes, read_waker)) = (Wakes::new(), Wakes::new());
    let (mut writes, mut reads) = (pin!(lock.write()), pin!(lock.read()));
    assert!(poll_with(writes.as_mut(), &write_waker).is_pending());
    // A reader does not overtake a writer that waits, and neither does one that only tries.
    assert!(poll_with(reads.as_mut(), &read_waker).is_pending());
    assert!(lock.try_read().is_err());
    drop(one);
    assert_eq!(write_wakes.count(), 0);
    drop(another);
    assert_eq!((write_wakes.count(), read_wakes.count()), (1, 0));
    let Poll::Ready(mut writer) = poll_with(writes, &write_waker) else { panic!("nobody reads") };
    *writer += 1;
    assert!(poll_with(reads.as_mut(), &read_waker).is_pending() && lock.try_read().is_err());
    drop(writer);
    assert_eq!(read_wakes.count(), 1);
    let Poll::Ready(reader) = poll_with(reads, &read_waker) else { panic!("nobody writes") };
    assert_eq!((*reader, *lock.try_read().unwrap()), (2, 2));
}

#[test]
fn a_writer_that_gives_up_lets_readers_go_on() {
    let lock = RwLock::with_max_readers((), 2);
    let reader = lock.try_read().unwrap();
    let (wakes, waker) = Wakes::new();
    let (mut writes, mut reads) = (Box::pin(lock.write()), pin!(lock.read()));
    assert!(poll_once(writes.as_mut()).is_pending() && poll_with(reads.as_mut(), &waker).is_pending());
    drop(writes);
    assert_eq!(wakes.count(), 1);
    let Poll::Ready(another) = poll_once(reads) else { panic!("nobody writes") };
    assert!(lock.try_read().is_err(), "two are as many as may read");
    drop((reader, another));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_writer_goes_on_as_a_reader_and_nobody_writes_between() {
    let lock = Arc::new(RwLock::new((1, "one")));
    let mut writer = lock.clone().try_write_owned().unwrap();
    let (mut writes, mut reads) = (Box::pin(lock.write()), Box::pin(lock.read()));
    assert!(poll_once(reads.as_mut()).is_pending() && poll_once(writes.as_mut()).is_pending());
    writer.0 = 2;
    let reader = writer.downgrade();
    let Poll::Ready(another) = poll_once(reads.as_mut()) else { panic!("it may read with the other") };
    assert_eq!((reader.0, another.0), (2, 2));
    assert!(poll_once(writes.as_mut()).is_pending());
    let number = OwnedRwLockReadGuard::map(reader, |pair| &pair.0);
    assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&number), &lock));
    drop((number, another));
    assert!(poll_once(writes.as_mut()).is_ready());
    drop((writes, reads));
    let writer = lock.clone().try_write_owned().unwrap();
    let writer = OwnedRwLockWriteGuard::try_downgrade_map(writer, |_| None::<&()>).unwrap_err();
    assert!(lock.try_read().is_err(), "it still writes");
    let name = OwnedRwLockWriteGuard::try_downgrade_map(writer, |pair| Some(pair.1)).unwrap();
    assert!(*name == *"one" && lock.try_read().is_ok() && lock.try_write().is_err());
    drop(name);
    let part = OwnedRwLockWriteGuard::map(lock.clone().try_write_owned().unwrap(), |pair| &mut pair.0);
    assert!(lock.try_read().is_err());
    drop(part);
    assert_eq!((Arc::strong_count(&lock), lock.try_write().is_ok()), (1, true));
}

#[test]
fn locks_hold_what_has_no_size() {
    let mutex: Arc<Mutex<dyn Fn() -> u8>> = Arc::new(Mutex::new(|| 7));
    let rw: Box<RwLock<[u8]>> = Box::new(RwLock::new([1, 2, 3]));
    assert_eq!((mutex.try_lock().unwrap())(), 7);
    rw.try_write().unwrap()[1] = 5;
    assert_eq!(*rw.try_read().unwrap(), [1, 5, 3]);
    assert_eq!(format!("{rw:?} {}", Mutex::new("x").try_lock().unwrap()), "RwLock { data: [1, 5, 3] } x");
    let _writer = rw.try_write();
    assert_eq!(format!("{rw:?}"), "RwLock { data: <locked> }");
}

#[test]
fn threads_wait_for_locks_and_tasks_must_not() {
    watched(|| {
        let (mutex, rw) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
        let (guard, writer) = (mutex.blocking_lock(), rw.blocking_write());
        let (inside, other) = (mutex.clone(), rw.clone());
        let thread = thread::spawn(move || {
            *inside.clone().blocking_lock_owned() += 1;
            *other.blocking_write() += 1;
            *inside.blocking_lock() + *other.blocking_read()
        });
        drop(guard);
        drop(writer);
        assert_eq!(thread.join().unwrap(), 2);
        run(async || {
            assert!(catch_unwind(AssertUnwindSafe(|| drop(mutex.blocking_lock()))).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| drop(rw.blocking_read()))).is_err());
        });
    });
}

#[test]
fn on_many_threads_nobody_meets_a_writer() {
    const ROUNDS: usize = 300;
    watched(|| {
        let lock = Arc::new((RwLock::new([0u64; 8]), AtomicI32::new(0), Mutex::new(0usize)));
        thread::scope(|scope| {
            for thread in 0..3 {
                let lock = lock.clone();
                scope.spawn(move || {
                    Runtime::new().unwrap().block_on(async {
                        let tasks: Vec<_> = (0..4)
                            .map(|task| {
                                let lock = lock.clone();
                                ayi::spawn(async move {
                                    let (value, inside, count) = &*lock;
                                    for round in 0..ROUNDS {
                                        if (round + task + thread) % 3 == 0 {
                                            let mut value = value.write().await;
                                            assert_eq!(inside.fetch_sub(1_000, Ordering::SeqCst), 0);
                                            value.iter_mut().for_each(|number| *number += 1);
                                            inside.fetch_add(1_000, Ordering::SeqCst);
                                        } else {
                                            let value = value.read().await;
                                            assert!(inside.fetch_add(1, Ordering::SeqCst) >= 0);
                                            yield_now().await;
                                            assert!(value.iter().all(|number| *number == value[0]));
                                            inside.fetch_sub(1, Ordering::SeqCst);
                                        }
                                        *count.lock().await += 1;
                                    }
                                })
                            })
                            .collect();
                        for task in tasks {
                            task.await.unwrap();
                        }
                    });
                });
            }
        });
        assert_eq!(*lock.2.try_lock().unwrap(), 3 * 4 * ROUNDS);
        assert_eq!(lock.0.try_write().unwrap()[7], (3 * 4 * ROUNDS / 3) as u64);
    });
}
