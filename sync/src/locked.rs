//! A value that is reached only with permits. `Mutex` and `RwLock` are made of it, and so are all of their guards.
//!
//! Both locks have a gate, which is a number of permits. One permit is enough to read, and all of them together are
//! needed to write. The gate of a mutex has one permit. Fairness, cancellation and waking are those of `permits`.
//!
//! ```text
//!   Locked ─┬─ gate  ◀── Pass, which holds permits and a keeper ──┐
//!           └─ value ◀── through the keeper, or by a pointer ─────┴── Whole, Part or View, inside of each guard
//! ```
//!
//! | | is | has |
//! |---|---|---|
//! | `Whole` | the only way to the value | a pass for all |
//! | `Part` | the only way to what a user has found in the value | a pass for all, and a pointer |
//! | `View` | one of the ways to read the value, or something in it | a pass for one, and a pointer |
//!
//! All unsafe code of both locks is in this file.
//!
//! Invariants:
//! 1. A `Pass` for all is made only with all permits of its gate, and a `Pass` for one only with one of them. It has
//!    them until it is dropped, or turned into another pass. So while there is a pass for all, there is no other pass
//!    of the same gate. What one thread has done with a pass happens before another thread gets one that was not
//!    possible beside it: this is what `permits` says of `release` and `acquire`.
//! 2. A keeper borrows the lock or shares its ownership, so the value stays where it is. The gate and the value of a
//!    keeper never change, also if the keeper is moved or is exchanged by `lend`.
//! 3. The pointer of a `Part` or a `View` leads to the value of its keeper, or to something for which a user's function
//!    has given a reference, made from a reference to that value and with its lifetime.
//! 4. Neither a `Whole` nor a `Part` is `Clone`, and what is made of one consumes it.
//! 5. A `View` is never made of a `Part`. A user may have found the part behind a `Cell`, which readers of the whole
//!    value may change.
//!
//! In tokio: `sync/mutex.rs` and `sync/rwlock/*_guard*.rs`, each with pointers of its own.

#[cfg(all(test, loom))]
mod tests;

use crate::mutex::{Mutex, TryLockError};
use crate::permits::Permits;
use crate::primitives::{What, const_unless_loom};
use crate::rwlock::RwLock;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::Arc;

/// How many permits there are, and which of them are free.
pub(crate) struct Gate {
    permits: Permits,
    all: u32,
}

/// A lock for one writer, or for many readers.
pub(crate) struct Locked<T: ?Sized> {
    gate: Gate,
    value: UnsafeCell<T>,
}

impl<T> Locked<T> {
    const_unless_loom! {
        /// Makes a lock for `all` readers.
        pub(crate) const fn new(value: T, all: u32, what: What) -> Locked<T> {
            let permits = Permits::new(all as usize, what);
            Locked { gate: Gate { permits, all }, value: UnsafeCell::new(value) }
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Locked<T> {
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

// SAFETY: whoever shares a mutex reaches the value only through a `Whole` or a `Part`, one at a time. So sharing it
// sends the value from one thread to another.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

// SAFETY: whoever shares the lock reaches the value like that of a mutex, or, through `View`s, on several threads at
// once.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

/// What leads a pass to its gate, invariant 2.
pub(crate) trait Keeper {
    fn gate(&self) -> &Gate;
}

/// What leads to the value as well.
pub(crate) trait ValueKeeper: Keeper {
    type Value: ?Sized;
    fn value(&self) -> *mut Self::Value;
}

/// A keeper that borrows, and may forget the type of the value.
pub(crate) trait Lender<'a>: Keeper {
    fn lend(self) -> &'a Gate;
}

impl Keeper for &Gate {
    fn gate(&self) -> &Gate {
        self
    }
}

macro_rules! keepers {
    ($($lock:ident)*) => {$(
        impl<T: ?Sized> Keeper for &$lock<T> {
            fn gate(&self) -> &Gate {
                &self.locked.gate
            }
        }

        impl<T: ?Sized> ValueKeeper for &$lock<T> {
            type Value = T;

            fn value(&self) -> *mut T {
                self.locked.value.get()
            }
        }

        impl<'a, T: ?Sized> Lender<'a> for &'a $lock<T> {
            fn lend(self) -> &'a Gate {
                &self.locked.gate
            }
        }

        impl<T: ?Sized> Keeper for Arc<$lock<T>> {
            fn gate(&self) -> &Gate {
                &self.locked.gate
            }
        }

        impl<T: ?Sized> ValueKeeper for Arc<$lock<T>> {
            type Value = T;

            fn value(&self) -> *mut T {
                self.locked.value.get()
            }
        }
    )*};
}

keepers! { Mutex RwLock }

/// Permits of a gate, which go back when this is dropped: all of them, or one.
struct Pass<K: Keeper, const ALL: bool> {
    keeper: K,
}

impl<K: Keeper, const ALL: bool> Pass<K, ALL> {
    /// How many permits it has.
    fn permits(gate: &Gate) -> usize {
        if ALL { gate.all as usize } else { 1 }
    }

    #[inline]
    async fn wait(keeper: K) -> Pass<K, ALL> {
        let gate = keeper.gate();
        gate.permits.acquire(Self::permits(gate)).await.expect("nobody closes the gate of a lock");
        Pass::taken(keeper)
    }

    #[inline]
    fn try_now(keeper: K) -> Result<Pass<K, ALL>, TryLockError> {
        let gate = keeper.gate();
        gate.permits.try_acquire(Self::permits(gate)).map_err(|_| TryLockError(()))?;
        Ok(Pass::taken(keeper))
    }

    /// The permits have been taken.
    #[inline]
    fn taken(keeper: K) -> Pass<K, ALL> {
        if ALL {
            keeper.gate().permits.holder.take();
        }
        Pass { keeper }
    }

    /// Takes the keeper out. The permits are the caller's.
    fn into_keeper(self) -> K {
        let pass = ManuallyDrop::new(self);
        // SAFETY: the pass is never used again, and not dropped, so this is the only copy.
        unsafe { ptr::read(&pass.keeper) }
    }

    fn lend<'a>(self) -> Pass<&'a Gate, ALL>
    where
        K: Lender<'a>,
    {
        Pass { keeper: self.into_keeper().lend() }
    }
}

impl<K: Keeper> Pass<K, true> {
    /// Keeps one permit, and gives the others back.
    fn keep_one(self) -> Pass<K, false> {
        let one = Pass { keeper: self.into_keeper() };
        let gate = one.keeper.gate();
        gate.permits.holder.give_back();
        gate.permits.release(gate.all as usize - 1);
        one
    }
}

impl<K: Keeper, const ALL: bool> Drop for Pass<K, ALL> {
    #[inline]
    fn drop(&mut self) {
        let gate = self.keeper.gate();
        if ALL {
            // First, so that the next one's name stays.
            gate.permits.holder.give_back();
        }
        gate.permits.release(Self::permits(gate));
    }
}

/// The whole value, to be read and written.
pub(crate) struct Whole<K: ValueKeeper> {
    pass: Pass<K, true>,
    /// It is sent and shared like the value, and not only like a lock.
    value: PhantomData<K::Value>,
}

impl<K: ValueKeeper> Whole<K> {
    #[inline]
    pub(crate) async fn wait(keeper: K) -> Whole<K> {
        Whole { pass: Pass::wait(keeper).await, value: PhantomData }
    }

    #[inline]
    pub(crate) fn try_now(keeper: K) -> Result<Whole<K>, TryLockError> {
        Ok(Whole { pass: Pass::try_now(keeper)?, value: PhantomData })
    }

    pub(crate) fn keeper(&self) -> &K {
        &self.pass.keeper
    }

    /// The same as a part.
    pub(crate) fn into_part(self) -> Part<K, K::Value> {
        Part { part: self.pass.keeper.value(), pass: self.pass }
    }

    /// Goes on as a part, if `f` finds one.
    pub(crate) fn try_map<V: ?Sized>(
        mut self,
        f: impl FnOnce(&mut K::Value) -> Option<&mut V>,
    ) -> Result<Part<K, V>, Self> {
        match f(&mut self) {
            Some(part) => {
                let part: *mut V = part;
                Ok(Part { part, pass: self.pass })
            }
            None => Err(self),
        }
    }

    /// Lets readers in.
    pub(crate) fn downgrade(self) -> View<K, K::Value> {
        View { part: self.pass.keeper.value(), pass: self.pass.keep_one() }
    }

    /// Lets readers in, once `f` has picked what to read.
    pub(crate) fn downgrade_map<V: ?Sized>(self, f: impl FnOnce(&K::Value) -> &V) -> View<K, V> {
        let part: *const V = f(&self);
        View { part, pass: self.pass.keep_one() }
    }

    /// Lets readers in, if `f` finds something to read.
    pub(crate) fn try_downgrade_map<V: ?Sized>(
        self,
        f: impl FnOnce(&K::Value) -> Option<&V>,
    ) -> Result<View<K, V>, Self> {
        match f(&self) {
            Some(part) => {
                let part: *const V = part;
                Ok(View { part, pass: self.pass.keep_one() })
            }
            None => Err(self),
        }
    }
}

impl<K: ValueKeeper> Deref for Whole<K> {
    type Target = K::Value;

    #[inline]
    fn deref(&self) -> &K::Value {
        // SAFETY: the value is there, invariant 2, and nobody else reaches it, invariants 1 and 4. The reference
        // borrows this.
        unsafe { &*self.pass.keeper.value() }
    }
}

impl<K: ValueKeeper> DerefMut for Whole<K> {
    #[inline]
    fn deref_mut(&mut self) -> &mut K::Value {
        // SAFETY: like in `deref`, and this is borrowed mutably.
        unsafe { &mut *self.pass.keeper.value() }
    }
}

/// Something inside of the value, to be read and written.
pub(crate) struct Part<K: Keeper, U: ?Sized> {
    /// A pointer of this kind is invariant in `U`, as a `&mut U` is.
    part: *mut U,
    pass: Pass<K, true>,
}

// SAFETY: it is a `&mut U` with a keeper.
unsafe impl<K: Keeper + Send, U: ?Sized + Send> Send for Part<K, U> {}
// SAFETY: like above.
unsafe impl<K: Keeper + Sync, U: ?Sized + Sync> Sync for Part<K, U> {}

impl<K: Keeper, U: ?Sized> Part<K, U> {
    pub(crate) fn map<V: ?Sized>(mut self, f: impl FnOnce(&mut U) -> &mut V) -> Part<K, V> {
        let part: *mut V = f(&mut self);
        Part { part, pass: self.pass }
    }

    pub(crate) fn try_map<V: ?Sized>(
        mut self,
        f: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<Part<K, V>, Self> {
        match f(&mut self) {
            Some(part) => {
                let part: *mut V = part;
                Ok(Part { part, pass: self.pass })
            }
            None => Err(self),
        }
    }

    pub(crate) fn lend<'a>(self) -> Part<&'a Gate, U>
    where
        K: Lender<'a>,
    {
        Part { part: self.part, pass: self.pass.lend() }
    }

    pub(crate) fn keeper(&self) -> &K {
        &self.pass.keeper
    }
}

impl<K: Keeper, U: ?Sized> Deref for Part<K, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: the part is there, invariants 2 and 3, and nobody else reaches it, invariants 1 and 4. The reference
        // borrows this.
        unsafe { &*self.part }
    }
}

impl<K: Keeper, U: ?Sized> DerefMut for Part<K, U> {
    #[inline]
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: like in `deref`, and this is borrowed mutably.
        unsafe { &mut *self.part }
    }
}

/// The value, or something inside of it, to be read.
pub(crate) struct View<K: Keeper, U: ?Sized> {
    part: *const U,
    pass: Pass<K, false>,
}

// SAFETY: it is a `&U` with a keeper.
unsafe impl<K: Keeper + Send, U: ?Sized + Sync> Send for View<K, U> {}
// SAFETY: like above.
unsafe impl<K: Keeper + Sync, U: ?Sized + Sync> Sync for View<K, U> {}

impl<K: ValueKeeper> View<K, K::Value> {
    #[inline]
    pub(crate) async fn wait(keeper: K) -> View<K, K::Value> {
        let pass = Pass::wait(keeper).await;
        View { part: pass.keeper.value(), pass }
    }

    #[inline]
    pub(crate) fn try_now(keeper: K) -> Result<View<K, K::Value>, TryLockError> {
        let pass = Pass::try_now(keeper)?;
        Ok(View { part: pass.keeper.value(), pass })
    }
}

impl<K: Keeper, U: ?Sized> View<K, U> {
    pub(crate) fn map<V: ?Sized>(self, f: impl FnOnce(&U) -> &V) -> View<K, V> {
        let part: *const V = f(&self);
        View { part, pass: self.pass }
    }

    pub(crate) fn try_map<V: ?Sized>(self, f: impl FnOnce(&U) -> Option<&V>) -> Result<View<K, V>, Self> {
        match f(&self) {
            Some(part) => {
                let part: *const V = part;
                Ok(View { part, pass: self.pass })
            }
            None => Err(self),
        }
    }

    pub(crate) fn lend<'a>(self) -> View<&'a Gate, U>
    where
        K: Lender<'a>,
    {
        View { part: self.part, pass: self.pass.lend() }
    }

    pub(crate) fn keeper(&self) -> &K {
        &self.pass.keeper
    }
}

impl<K: Keeper, U: ?Sized> Deref for View<K, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: it is there, invariants 2 and 3, and nobody writes to it, invariants 1 and 5. The reference borrows
        // this.
        unsafe { &*self.part }
    }
}
