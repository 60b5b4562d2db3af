//! What threads do with locks at the same time, in all interleavings. loom sees each access to the value: if nothing
//! orders two of them, the model fails.

use crate::proof::{block_on, explore};
use crate::{Mutex, MutexGuard, OwnedRwLockWriteGuard, RwLock};
use loom::cell::UnsafeCell;
use loom::thread;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

/// A number whose accesses loom watches.
struct Watched(UnsafeCell<usize>);

// SAFETY: loom fails a model with two accesses that nothing orders, of which one is a write.
unsafe impl Sync for Watched {}

impl Watched {
    fn new() -> Watched {
        Watched(UnsafeCell::new(0))
    }

    fn get(&self) -> usize {
        // SAFETY: like above.
        self.0.with(|number| unsafe { *number })
    }

    fn add_one(&mut self) {
        // SAFETY: like above.
        self.0.with_mut(|number| unsafe { *number += 1 });
    }
}

#[test]
fn one_at_a_time_has_the_value_of_a_mutex() {
    explore(2, || {
        let lock = Arc::new(Mutex::new(Watched::new()));
        let threads = [(); 2].map(|_| {
            let lock = lock.clone();
            thread::spawn(move || block_on(lock.lock()).add_one())
        });
        if let Ok(mut value) = lock.clone().try_lock_owned() {
            value.add_one();
            drop(value);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(block_on(lock.lock()).get(), 3);
        } else {
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(block_on(lock.lock()).get(), 2);
        }
    });
}

#[test]
fn a_guard_of_a_part_holds_the_mutex() {
    explore(3, || {
        let lock = Arc::new(Mutex::new((Watched::new(), 7)));
        let other = lock.clone();
        let thread = thread::spawn(move || {
            let mut part = MutexGuard::map(block_on(other.lock()), |pair| &mut pair.0);
            part.add_one();
        });
        let mut part = MutexGuard::map(block_on(lock.lock()), |pair| &mut pair.0);
        part.add_one();
        drop(part);
        thread.join().unwrap();
        assert_eq!(block_on(lock.lock()).0.get(), 2);
    });
}

#[test]
fn who_gives_up_a_mutex_leaves_it_usable() {
    explore(3, || {
        let lock = Arc::new(Mutex::new(Watched::new()));
        let (leaves, waits) = (lock.clone(), lock.clone());
        let guard = lock.try_lock().unwrap();
        let leaves = thread::spawn(move || {
            let mut future = pin!(leaves.lock());
            let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        });
        let waits = thread::spawn(move || block_on(waits.lock()).add_one());
        drop(guard);
        leaves.join().unwrap();
        waits.join().unwrap();
        assert_eq!(lock.try_lock().unwrap().get(), 1);
    });
}

#[test]
fn readers_do_not_meet_a_writer() {
    explore(2, || {
        let lock = Arc::new(RwLock::with_max_readers(Watched::new(), 2));
        let (reads, writes) = (lock.clone(), lock.clone());
        let reads = thread::spawn(move || block_on(reads.read()).get());
        let writes = thread::spawn(move || block_on(writes.write()).add_one());
        let seen = block_on(lock.read()).get();
        assert!(seen + reads.join().unwrap() <= 2);
        writes.join().unwrap();
        assert_eq!(block_on(lock.read()).get(), 1);
    });
}

#[test]
fn nobody_writes_before_one_who_has_written_has_read() {
    explore(2, || {
        let lock = Arc::new(RwLock::new(Watched::new()));
        let threads = [(); 2].map(|_| {
            let lock = lock.clone();
            thread::spawn(move || {
                let mut writer: OwnedRwLockWriteGuard<Watched> = block_on(lock.write_owned());
                writer.add_one();
                let written = writer.get();
                assert_eq!(writer.downgrade().get(), written);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(lock.try_read().unwrap().get(), 2);
    });
}

/// The one of two readers that comes to the lock first may hand out the permits of both.
#[test]
fn a_writer_that_waits_comes_after_all_readers() {
    explore(3, || {
        let lock = Arc::new(RwLock::with_max_readers(Watched::new(), 2));
        let readers = [(); 2].map(|_| lock.clone().try_read_owned().unwrap());
        let mut writes = pin!(lock.write());
        let waits = writes.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(waits.is_pending());
        let threads = readers.map(|reader| thread::spawn(move || assert_eq!(reader.get(), 0)));
        block_on(writes).add_one();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(lock.try_read().unwrap().get(), 1);
    });
}
