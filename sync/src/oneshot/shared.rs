//! What the two ends of a channel for one value share: one allocation without a lock and without a count.
//!
//! ```text
//!   Tx ──▶ state: who has done what ◀── Rx
//!          value                  Tx's, until VALUE
//!          rx_waker               Rx's, until TX_ENDED
//!          tx_waker               Tx's, until CLOSED
//! ```
//!
//! One byte says who has done what, and every cell has one owner at a time:
//!
//! 1. `value` belongs to the sender until `VALUE` is set, then to the receiver. `VALUE` is never set after `CLOSED`.
//! 2. `RX_WAKER` says that `rx_waker` has a waker. That cell belongs to the receiver until `TX_ENDED` is set. If
//!    `RX_WAKER` was set at that moment, the cell belongs to the sender until it clears the bit, and otherwise to the
//!    receiver for good. While the sender takes the waker, the receiver may read the cell, but nobody writes to it.
//! 3. The same holds the other way round for `TX_WAKER` and `tx_waker`: they belong to the sender until `CLOSED` is
//!    set, and then to the receiver until it clears the bit, if it was set at that moment. If the sender had ended by
//!    then, nobody takes the waker, and `free` drops it.
//! 4. `TX_GONE` is the last thing that the sender does to the memory, `RX_GONE` the last thing that the receiver does.
//!    The end that goes last finds the other's bit set, and frees the memory. So as long as a `Tx` or an `Rx` exists
//!    whose own bit is not set, the memory is there.
//! 5. The receiver takes the value, if there is one, before it sets `RX_GONE`. `RX_GONE` implies `CLOSED`, and `VALUE`
//!    and `TX_GONE` imply `TX_ENDED`.
//!
//! Orderings: each change of the state is a read-modify-write with `AcqRel`, and each load is an `Acquire`. So an end
//! that sees a bit also sees all that the other end did before it set the bit.
//!
//! If the value is sent before anybody waits for it, this costs the two ends one read-modify-write together: the
//! receiver finds `TX_GONE`, and owns all the rest.

use super::cell::UnsafeCell;
use crate::primitives::atomic::AtomicU8;
use crate::primitives::atomic::Ordering::{AcqRel, Acquire};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

/// The sender has sent a value.
const VALUE: u8 = 1;
/// The sender sends no more: it has sent a value, or was dropped.
const TX_ENDED: u8 = 2;
/// The sender does not touch the memory any more.
const TX_GONE: u8 = 4;
/// The receiver takes no value that is not there yet.
const CLOSED: u8 = 8;
/// The receiver does not touch the memory any more.
const RX_GONE: u8 = 16;
/// `rx_waker` has a waker.
const RX_WAKER: u8 = 32;
/// `tx_waker` has a waker.
const TX_WAKER: u8 = 64;

struct Shared<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
    rx_waker: UnsafeCell<MaybeUninit<Waker>>,
    tx_waker: UnsafeCell<MaybeUninit<Waker>>,
    /// loom fails a model that leaks it.
    #[cfg(loom)]
    _memory: loom::alloc::Track<()>,
}

/// The sender's end.
pub(super) struct Tx<T>(NonNull<Shared<T>>);

/// The receiver's end.
pub(super) struct Rx<T>(NonNull<Shared<T>>);

// SAFETY: the ends move a value from one thread to another, so `T` is `Send`. A shared reference to an end shows
// nothing of the value but whether it is there. All else in the memory is ordered by its state, invariants 1 to 4.
unsafe impl<T: Send> Send for Tx<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Tx<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Rx<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Rx<T> {}

/// What the receiver finds.
pub(super) enum Found {
    Nothing,
    Value,
    /// There will never be a value.
    End,
}

pub(super) fn new<T>() -> (Tx<T>, Rx<T>) {
    let shared = memory::allocate(Shared {
        state: AtomicU8::new(0),
        value: UnsafeCell::new(MaybeUninit::uninit()),
        rx_waker: UnsafeCell::new(MaybeUninit::uninit()),
        tx_waker: UnsafeCell::new(MaybeUninit::uninit()),
        #[cfg(loom)]
        _memory: loom::alloc::Track::new(()),
    });
    (Tx(shared), Rx(shared))
}

impl<T> Tx<T> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: invariant 4, the sender has not set `TX_GONE`: it does so in `send` and `drop` only.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn send(self, value: T) -> Result<(), T> {
        let shared = self.shared();
        if self.is_closed() {
            return Err(value);
        }
        // SAFETY: invariant 1, `VALUE` is not set: only this function sets it, and it consumes the end.
        shared.value.with_mut(|cell| unsafe { (*cell).write(value) });
        let mut state = shared.state.load(Acquire);
        let waits = loop {
            if state & CLOSED != 0 {
                // SAFETY: invariant 1, it is still ours, and was written above.
                return Err(shared.value.with(|cell| unsafe { (*cell).assume_init_read() }));
            }
            let waits = state & RX_WAKER != 0;
            let next = state | VALUE | TX_ENDED | if waits { 0 } else { TX_GONE };
            match shared.state.compare_exchange_weak(state, next, AcqRel, Acquire) {
                Ok(_) => break waits,
                Err(now) => state = now,
            }
        };
        let this = ManuallyDrop::new(self);
        if waits {
            // SAFETY: `RX_WAKER` was set when `TX_ENDED` was, and this end does nothing else.
            unsafe { wake_receiver(this.0) };
        }
        Ok(())
    }

    /// The same as that of the other end.
    pub(super) fn address(&self) -> usize {
        self.0.addr().get()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared().state.load(Acquire) & CLOSED != 0
    }

    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = self.shared();
        // SAFETY: invariant 3. This is the sender's end, and `&mut` makes it the only caller.
        unsafe { shared.wait(&shared.tx_waker, TX_WAKER, CLOSED, cx) }
    }
}

impl<T> Drop for Tx<T> {
    fn drop(&mut self) {
        let shared = self.shared();
        let mut state = shared.state.load(Acquire);
        let waits = loop {
            if state & RX_GONE != 0 {
                // SAFETY: invariant 4, the receiver has gone, and this end does nothing else.
                return unsafe { free(self.0) };
            }
            // After `CLOSED` as well: a receiver that has closed the channel may wait in another task.
            let waits = state & RX_WAKER != 0;
            let next = state | TX_ENDED | if waits { 0 } else { TX_GONE };
            match shared.state.compare_exchange_weak(state, next, AcqRel, Acquire) {
                Ok(_) => break waits,
                Err(now) => state = now,
            }
        };
        if waits {
            // SAFETY: `RX_WAKER` was set when `TX_ENDED` was, and this end does nothing else.
            unsafe { wake_receiver(self.0) };
        }
    }
}

/// The sender's last step, if the receiver waits.
///
/// # Safety
///
/// The caller is the sender. It has just set `TX_ENDED` while `RX_WAKER` was set, and does not touch the memory again.
unsafe fn wake_receiver<T>(memory: NonNull<Shared<T>>) {
    // SAFETY: invariant 4, `TX_GONE` is not set yet.
    let shared = unsafe { memory.as_ref() };
    // SAFETY: invariant 2, the waker is there, and is the sender's until it clears the bit.
    let waker = shared.rx_waker.with(|cell| unsafe { (*cell).assume_init_read() });
    let before = shared.state.fetch_xor(RX_WAKER | TX_GONE, AcqRel);
    if before & RX_GONE == 0 {
        waker.wake();
    } else {
        // SAFETY: invariant 4, the receiver has gone, and so does the sender.
        unsafe { free(memory) };
    }
}

impl<T> Rx<T> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: invariant 4, the receiver has not set `RX_GONE`: it does so in `take` and `drop` only.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(super) fn look(&self) -> Found {
        let state = self.shared().state.load(Acquire);
        match state {
            _ if state & VALUE != 0 => Found::Value,
            _ if state & (TX_ENDED | CLOSED) != 0 => Found::End,
            _ => Found::Nothing,
        }
    }

    /// The same as that of the other end.
    pub(super) fn address(&self) -> usize {
        self.0.addr().get()
    }

    /// Waits until there is something to find.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = self.shared();
        // SAFETY: invariant 2. This is the receiver's end, and `&mut` makes it the only caller.
        unsafe { shared.wait(&shared.rx_waker, RX_WAKER, TX_ENDED, cx) }
    }

    /// Takes the value, which must have been found.
    #[inline]
    pub(super) fn take(self) -> T {
        let this = ManuallyDrop::new(self);
        let shared = this.shared();
        let state = shared.state.load(Acquire);
        assert!(state & VALUE != 0, "the value has been found");
        // SAFETY: invariant 1, it is there, and the end is consumed, so it is taken once.
        let value = shared.value.with(|cell| unsafe { (*cell).assume_init_read() });
        // If the sender has not gone yet, the later of the two frees the memory.
        if state & TX_GONE != 0 || shared.state.fetch_or(CLOSED | RX_GONE, AcqRel) & TX_GONE != 0 {
            // SAFETY: invariant 4, the sender has gone, and so does the receiver.
            unsafe { free(this.0) };
        }
        value
    }

    pub(super) fn close(&mut self) {
        let shared = self.shared();
        let before = shared.state.fetch_or(CLOSED, AcqRel);
        if before & (CLOSED | TX_ENDED | TX_WAKER) == TX_WAKER {
            // SAFETY: invariant 3, the waker is there, and is the receiver's until it clears the bit.
            let waker = shared.tx_waker.with(|cell| unsafe { (*cell).assume_init_read() });
            shared.state.fetch_and(!TX_WAKER, AcqRel);
            waker.wake();
        }
    }
}

impl<T> Drop for Rx<T> {
    fn drop(&mut self) {
        let shared = self.shared();
        let mut state = shared.state.load(Acquire);
        loop {
            if state & VALUE != 0 {
                // Dropped last, after the memory has been seen to.
                let _value = Rx(self.0).take();
                return;
            }
            if state & TX_GONE != 0 {
                // SAFETY: invariant 4, the sender has gone, and this end does nothing else.
                return unsafe { free(self.0) };
            }
            let waits = state & (CLOSED | TX_ENDED | TX_WAKER) == TX_WAKER;
            let next = state | CLOSED | if waits { 0 } else { RX_GONE };
            match shared.state.compare_exchange_weak(state, next, AcqRel, Acquire) {
                // Not `RX_GONE` yet: the memory has to stay until the waker is taken.
                Ok(_) if waits => break,
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        // SAFETY: invariant 3, the waker is there, and is the receiver's until it clears the bit.
        let waker = shared.tx_waker.with(|cell| unsafe { (*cell).assume_init_read() });
        let before = shared.state.fetch_xor(TX_WAKER | RX_GONE, AcqRel);
        if before & TX_GONE == 0 {
            waker.wake();
        } else {
            // SAFETY: invariant 4, the sender has gone, and so does the receiver.
            unsafe { free(self.0) };
        }
    }
}

impl<T> Shared<T> {
    /// Leaves a waker in `cell`, unless the other end has set `over`.
    ///
    /// # Safety
    ///
    /// The caller is the end that `cell` belongs to, and the only one of that end. `is_there` and `over` are the bits
    /// of that cell in invariant 2 or 3.
    unsafe fn wait(
        &self,
        cell: &UnsafeCell<MaybeUninit<Waker>>,
        is_there: u8,
        over: u8,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut state = self.state.load(Acquire);
        while state & over == 0 && state & is_there != 0 {
            // SAFETY: invariants 2 and 3: only this end writes to the cell. If the other end sets `over` meanwhile, and
            // takes the waker, it reads the cell as well. What is compared is two addresses.
            if cell.with(|waker| unsafe { (*waker).assume_init_ref().will_wake(cx.waker()) }) {
                return Poll::Pending;
            }
            match self.state.compare_exchange_weak(state, state & !is_there, AcqRel, Acquire) {
                Ok(_) => {
                    // SAFETY: the bit was cleared before `over` was set, so the other end does not look at the cell.
                    drop(cell.with(|waker| unsafe { (*waker).assume_init_read() }));
                    break;
                }
                Err(now) => state = now,
            }
        }
        if state & over != 0 {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        // SAFETY: the bit is not set, so the other end does not look at the cell, also if `over` has been set
        // meanwhile.
        cell.with_mut(|cell| unsafe { (*cell).write(waker) });
        if self.state.fetch_or(is_there, AcqRel) & over == 0 {
            return Poll::Pending;
        }
        // SAFETY: `over` was set before the bit, so the cell is this end's for good.
        let waker = cell.with(|waker| unsafe { (*waker).assume_init_read() });
        self.state.fetch_and(!is_there, AcqRel);
        drop(waker);
        Poll::Ready(())
    }
}

/// Frees the memory, with the wakers that nobody has taken.
///
/// # Safety
///
/// Both ends have gone, invariant 4, the caller as the last one.
unsafe fn free<T>(memory: NonNull<Shared<T>>) {
    // SAFETY: both ends have gone, so it is the caller's, and it is freed below.
    let shared = unsafe { memory.as_ref() };
    #[cfg(loom)]
    {
        // Freeing the memory is an access to each cell, which loom does not see by itself.
        shared.value.with_mut(|_| ());
        shared.rx_waker.with_mut(|_| ());
        shared.tx_waker.with_mut(|_| ());
    }
    // Acquire: the other end went first, and all that it did is seen here.
    let state = shared.state.load(Acquire);
    if state & (RX_WAKER | TX_WAKER) == 0 {
        // SAFETY: `new` has allocated it, and it is not used any more.
        return unsafe { memory::free(memory) };
    }
    let take = |cell: &UnsafeCell<MaybeUninit<Waker>>, is_there: u8| {
        // SAFETY: invariants 2 and 3, the waker is there, and both ends are gone.
        (state & is_there != 0).then(|| cell.with(|waker| unsafe { (*waker).assume_init_read() }))
    };
    let wakers = (take(&shared.rx_waker, RX_WAKER), take(&shared.tx_waker, TX_WAKER));
    // SAFETY: as above.
    unsafe { memory::free(memory) };
    drop(wakers);
}

/// Where the memory comes from: that of tasks, see `services/blocks.rs` of the runtime. To allocate and to free it would
/// be half of what a channel costs.
#[cfg(not(loom))]
mod memory {
    use ayi_runtime::task::Blocks;
    use std::alloc::Layout;
    use std::mem::needs_drop;
    use std::ptr::NonNull;

    #[inline]
    pub(super) fn allocate<S>(shared: S) -> NonNull<S> {
        const { assert!(!needs_drop::<S>(), "`free` drops nothing") };
        let memory = Blocks::allocate::<S>();
        // SAFETY: it is memory for an `S` that nobody else has.
        unsafe { memory.write(shared) };
        memory
    }

    /// # Safety
    ///
    /// `memory` comes from [`allocate`], and nobody uses it from here on.
    #[inline]
    pub(super) unsafe fn free<S>(memory: NonNull<S>) {
        // SAFETY: the caller's promise.
        unsafe { Blocks::give_back(memory.cast(), Layout::new::<S>()) };
    }
}

/// Boxes, since loom's types are dropped.
#[cfg(loom)]
mod memory {
    use std::ptr::NonNull;

    pub(super) fn allocate<S>(shared: S) -> NonNull<S> {
        NonNull::from(Box::leak(Box::new(shared)))
    }

    /// # Safety
    ///
    /// As above.
    pub(super) unsafe fn free<S>(memory: NonNull<S>) {
        // SAFETY: the caller's promise, and `allocate` has made it from a box.
        drop(unsafe { Box::from_raw(memory.as_ptr()) });
    }
}
