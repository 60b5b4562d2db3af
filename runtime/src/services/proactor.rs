//! The proactor: operations that the kernel does as a whole, through io_uring(7). It is for files, which epoll cannot
//! wait for.
//!
//! ```text
//!   submit ──▶ backlog ──▶ submission queue ──▶ kernel ──▶ completion queue ──▶ the entry: store the result, wake
//!                └──── enter: one system call a turn ────┘                            │
//!                                                                look: the future takes the result, and its resources
//!   dropped ──▶ orphan: the entry has the resources now, the kernel is asked to cancel ──▶ completion: abandoned
//!   polled elsewhere ──▶ forwarded ──▶ completion: the parcel has the result, and its waker is woken
//! ```
//!
//! Invariants:
//! 1. What an operation points at, its *resources*, lives until its completion has been seen: in its future, or in the
//!    entry if the future is dropped earlier. So the kernel never writes to memory that has another owner.
//! 2. An entry belongs to one operation, from `submit` until the completion has been seen *and* the future has taken
//!    the result, is dropped, or has a parcel for it. So completions need no generation: a number never means two
//!    operations.
//! 3. The kernel never has more operations than the completion queue has room for, so that queue cannot overflow.
//!    Requests to cancel have room of their own and go first, so operations that end only when they are cancelled
//!    cannot keep them out.
//! 4. An operation that is cancelled before it is submitted is never submitted, and its number is not used again before
//!    the request to cancel has been submitted. So such a request hits its operation or nothing.
//! 5. The ring is made, used and closed on the runtime's thread (`IORING_SETUP_SINGLE_ISSUER`), and the kernel
//!    completes operations only while that thread is inside `enter` (`IORING_SETUP_DEFER_TASKRUN`). When there is
//!    something to complete, the kernel says so in memory (`IORING_SQ_TASKRUN`) and rings the runtime's bell, like
//!    another thread. epoll can watch the ring itself, but Linux 6.18 did not report what a thread of the kernel had
//!    completed. So an operation stays here until it is completed, wherever its future goes: see `parcel`.
//! 6. Only wakers of slots are run, cloned or dropped here, and no resources are dropped: they are handed back.
//!
//! Left out: registered files and buffers, multishot operations, and a ring for sockets. For sockets epoll is as fast,
//! see bench/RESULTS.md, and needs no buffer for each connection that waits.
//!
//! The ring needs Linux 6.1. On older kernels, and in containers that forbid it, files go to the blocking pool.

use super::parcel::late::{self, Held};
use super::parcel::{Abandoned, OperationKey, Parcel, Resources, Rest};
use crate::core::task;
use crate::watch::record::Recorder;
use io_uring::{IoUring, opcode, squeue, types};
use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::task::Waker;
use std::time::{Duration, Instant};

/// How many submissions one `enter` takes.
const SUBMISSIONS: u32 = 64;

/// How many bytes the submissions of one `enter` move, not counting the last one. Data in the page cache is copied on
/// this thread during `enter`, while sockets and timers wait. This many bytes take some 30 µs, and a look at the
/// sockets in between takes 0.3 µs.
const BYTES: usize = 256 * 1024;

/// The room for completions.
const COMPLETIONS: u32 = 4096;

/// How many operations may be in the kernel at a time. The rest of the room is for requests to cancel. Such a request
/// is completed when it is submitted, so room for as many as one `enter` takes is enough.
const OPERATIONS: u32 = COMPLETIONS - SUBMISSIONS;

/// The number of the completion of a request to cancel, which nobody waits for. No entry has this number.
const CANCEL: u64 = u64::MAX;

/// `ERESTARTSYS` to `ERESTART_RESTARTBLOCK`. With these errors the kernel tells itself that a system call was
/// interrupted and is to be begun anew. Its `include/linux/errno.h` says that they "should never be seen by user
/// programs". But operations of a ring do end with them: for example, an open that waits while the process is stopped
/// by Ctrl-Z and goes on with `fg`.
const RESTART_ERRORS: std::ops::RangeInclusive<i32> = 512..=516;

pub(crate) struct Proactor {
    ring: IoUring,
    entries: Vec<OperationEntry>,
    /// Entries that belong to no operation.
    free: Vec<u32>,
    /// Operations that are not in the submission queue yet, and how many bytes each moves.
    backlog: VecDeque<(squeue::Entry, usize)>,
    /// Submitted operations that are to be cancelled.
    to_cancel: VecDeque<u32>,
    /// How many operations the kernel and the submission queue have.
    in_flight: u32,
    /// Whether the runtime ends. Then only lasting operations are submitted.
    is_ending: bool,
    /// Wakers other than those of this thread's slots, for the caller to wake.
    pub(crate) others: Vec<Waker>,
    /// Orphans that have been completed, for the caller to settle.
    pub(crate) abandoned: Vec<Abandoned>,
}

struct OperationEntry {
    state: OperationState,
    /// What was submitted, and how many bytes it moves. It may have to be submitted once more.
    operation: Option<(squeue::Entry, usize)>,
    /// Whether the kernel or the submission queue has had it.
    is_submitted: bool,
    /// Whether it is protected from being cancelled, even if its future is dropped.
    is_lasting: bool,
}

impl OperationEntry {
    const FREE: OperationEntry = OperationEntry {
        state: OperationState::Free,
        operation: None,
        is_submitted: false,
        is_lasting: false,
    };

    /// Returns whether the operation is not completed and is to be cancelled, because the runtime ends or nobody waits
    /// for the result.
    fn is_to_cancel(&self, is_ending: bool) -> bool {
        let is_running = matches!(self.state, OperationState::Running(_) | OperationState::Forwarded(_));
        !self.is_lasting && (is_running && is_ending || matches!(self.state, OperationState::Orphan(_)))
    }
}

enum OperationState {
    Free,
    Running(Option<Waker>),
    /// Its future is elsewhere.
    Forwarded(Arc<Parcel>),
    Orphan(Box<dyn Resources>),
    Done(i32),
}

/// What became of an operation.
pub(crate) enum Progress {
    /// The operation is completed, and the waker is given back.
    Done(i32, Waker),
    /// The operation runs, and the waker that was stored before is given back.
    Running(Option<Waker>),
}

impl Proactor {
    /// Makes a ring that rings `bell`.
    ///
    /// # Errors
    ///
    /// Fails if the system refuses the ring (`EPERM`, `ENOSYS`, `ENOMEM`), or does not know the flags (`EINVAL`).
    pub(crate) fn new(bell: RawFd) -> io::Result<Proactor> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(COMPLETIONS)
            .dontfork()
            .build(SUBMISSIONS)?;
        ring.submitter().register_eventfd(bell)?;
        Ok(Proactor {
            ring,
            entries: Vec::new(),
            free: Vec::new(),
            backlog: VecDeque::new(),
            to_cancel: VecDeque::new(),
            in_flight: 0,
            is_ending: false,
            others: Vec::new(),
            abandoned: Vec::new(),
        })
    }

    /// Puts an operation, which moves `bytes` bytes, into the queue for the next `enter`.
    ///
    /// # Safety
    ///
    /// What `operation` points at stays as it is until the operation is completed: invariant 1.
    pub(crate) unsafe fn submit(&mut self, operation: squeue::Entry, bytes: usize) -> OperationKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(OperationEntry::FREE);
            u32::try_from(self.entries.len() - 1).expect("fewer operations than 2^32")
        });
        self.entries[index as usize] =
            OperationEntry { state: OperationState::Running(None), ..OperationEntry::FREE };
        Recorder::submitted(index, operation.get_opcode());
        self.backlog.push_back((operation.user_data(index.into()), bytes));
        OperationKey(index)
    }

    /// Protects the operation from being cancelled: neither a drop of its future nor the end of the runtime cancels it
    /// from now on.
    pub(crate) fn make_lasting(&mut self, key: OperationKey) {
        self.entries[key.0 as usize].is_lasting = true;
    }

    /// Returns whether `enter` has anything to do. This looks at memory that the kernel shares, without a system call.
    /// While the kernel has as many operations as it may have, queued ones can wait: the completion of each operation
    /// is reported.
    pub(crate) fn wants_to_enter(&mut self) -> bool {
        let has_queued =
            !self.to_cancel.is_empty() || !self.backlog.is_empty() && self.in_flight < OPERATIONS;
        let queue = self.ring.submission();
        // The kernel may have left submissions in the queue, for lack of memory.
        has_queued || !queue.is_empty() || queue.taskrun()
    }

    /// Shows the wakers of all who wait for an operation.
    #[cfg(feature = "record")]
    pub(crate) fn each_waker(&self, f: impl FnMut(&Waker)) {
        let wakers = self.entries.iter().filter_map(|entry| match &entry.state {
            OperationState::Running(waker) => waker.as_ref(),
            _ => None,
        });
        wakers.for_each(f);
    }

    /// Returns whether there is an operation whose result has not been taken.
    pub(crate) fn has_operations(&self) -> bool {
        self.entries.len() > self.free.len()
    }

    /// Returns whether the kernel has anything to do.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight > 0 || !self.backlog.is_empty()
    }

    /// Submits what is queued, as much as fits, and takes what is completed. Never waits.
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        self.fill();
        // Completions inside this call are seen right after it, so they need not ring the bell. On the processor where
        // this was measured, ringing was half of a read's cost besides the copying.
        self.ring.completion().disable_eventfd();
        let entered = self.enter_with(|ring| ring.submit());
        self.ring.completion().enable_eventfd();
        // Pairs with the kernel's own barrier. The kernel says that there is something to complete, and then looks
        // whether it may ring. We allow it to ring, and then look in `wants_to_enter` whether there is something,
        // before the thread sleeps.
        fence(Ordering::SeqCst);
        self.reap();
        entered
    }

    fn enter_with(&mut self, enter: impl Fn(&IoUring) -> io::Result<usize>) -> io::Result<()> {
        match enter(&self.ring) {
            // Submissions that were not taken stay in the queue, and are submitted at the next turn.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EBUSY | libc::EINTR)) => {
                Ok(())
            }
            Err(error) if error.raw_os_error() == Some(libc::ETIME) => Ok(()),
            result => result.map(drop),
        }
    }

    fn fill(&mut self) {
        let mut sum = 0;
        while sum < BYTES && !self.ring.submission().is_full() {
            let Some((next, bytes)) = self.next_submission() else { break };
            sum = bytes.saturating_add(sum);
            // SAFETY: the promise of `submit`; a request to cancel points at nothing.
            unsafe { self.ring.submission().push(&next) }.expect("the queue has room");
        }
    }

    fn next_submission(&mut self) -> Option<(squeue::Entry, usize)> {
        if let Some(index) = self.to_cancel.pop_front() {
            return Some((opcode::AsyncCancel::new(index.into()).build().user_data(CANCEL), 0));
        }
        while self.in_flight < OPERATIONS {
            let (operation, bytes) = self.backlog.pop_front()?;
            let index = operation.get_user_data() as u32;
            let entry = &mut self.entries[index as usize];
            if entry.is_to_cancel(self.is_ending) {
                self.complete(index, -libc::ECANCELED);
                continue;
            }
            entry.operation = Some((operation.clone(), bytes));
            #[cfg(faults)]
            let mut operation = operation;
            #[cfg(faults)]
            if let Some(errno) = crate::services::faults::on_submit(&mut operation) {
                self.ended(index, -errno);
                continue;
            }
            entry.is_submitted = true;
            self.in_flight += 1;
            return Some((operation, bytes));
        }
        None
    }

    fn reap(&mut self) {
        loop {
            let Some(completion) = self.ring.completion().next() else { break };
            if completion.user_data() != CANCEL {
                debug_assert!(self.in_flight <= OPERATIONS, "invariant 3");
                debug_assert!(self.entries[completion.user_data() as usize].is_submitted, "invariant 4");
                self.in_flight -= 1;
                self.ended(completion.user_data() as u32, completion.result());
            }
        }
    }

    /// Handles an operation that the kernel is done with. An operation that was interrupted has done nothing, and is
    /// begun anew.
    fn ended(&mut self, index: u32, result: i32) {
        let entry = &mut self.entries[index as usize];
        let was_interrupted = result == -libc::EINTR || RESTART_ERRORS.contains(&-result);
        if !was_interrupted || entry.is_to_cancel(self.is_ending) {
            return self.complete(index, result);
        }
        entry.is_submitted = false;
        self.backlog.extend(entry.operation.take());
    }

    fn complete(&mut self, index: u32, result: i32) {
        Recorder::completed(index, result);
        let entry = &mut self.entries[index as usize];
        match std::mem::replace(&mut entry.state, OperationState::Done(result)) {
            OperationState::Running(waker) => self.others.extend(waker.and_then(task::wake_own)),
            OperationState::Orphan(resources) => {
                self.vacate(index);
                self.abandoned.push((resources, result));
            }
            OperationState::Forwarded(parcel) => {
                self.vacate(index);
                self.keep(parcel.put(Some(result)));
            }
            OperationState::Free | OperationState::Done(_) => unreachable!("an operation is completed once"),
        }
    }

    /// The entry belongs to no operation any more.
    fn vacate(&mut self, index: u32) {
        self.entries[index as usize] = OperationEntry::FREE;
        self.free.push(index);
    }

    /// Keeps for the caller what is left to do for an operation that is completed.
    fn keep(&mut self, rest: Rest) {
        self.others.extend(rest.wake.and_then(task::wake_own));
        self.abandoned.extend(rest.settle);
    }

    /// Returns the result if it is there; then the key no longer names anything. Otherwise it stores `waker`, which is
    /// woken when the result is there.
    pub(crate) fn look(&mut self, key: OperationKey, waker: Waker) -> Progress {
        let entry = &mut self.entries[key.0 as usize];
        match &mut entry.state {
            OperationState::Done(result) => {
                let result = *result;
                self.vacate(key.0);
                Progress::Done(result, waker)
            }
            OperationState::Running(stored) => Progress::Running(stored.replace(waker)),
            OperationState::Free | OperationState::Orphan(_) | OperationState::Forwarded(_) => {
                unreachable!("a key names an operation that has a future, and one with a parcel looks there")
            }
        }
    }

    /// Does what the future of a parcel wishes, if anything. The caller does the rest, when nothing is borrowed.
    pub(crate) fn forward(&mut self, key: OperationKey, parcel: &Arc<Parcel>) -> Rest {
        // Without a wish, the key names nothing: parcel invariant 1.
        let Some(wish) = parcel.wish() else { return Rest::default() };
        let entry = &mut self.entries[key.0 as usize];
        entry.is_lasting |= wish.is_lasting;
        if let Some(resources) = wish.resources {
            return match self.abandon(key, resources) {
                Ok(drop) => Rest { drop, ..Rest::default() },
                Err(abandoned) => Rest { settle: Some(abandoned), ..Rest::default() },
            };
        }
        if let OperationState::Done(result) = entry.state {
            self.vacate(key.0);
            return parcel.put(Some(result));
        }
        match std::mem::replace(&mut entry.state, OperationState::Forwarded(parcel.clone())) {
            // The waker of its last poll here.
            OperationState::Running(drop) => Rest { drop, ..Rest::default() },
            _ => Rest::default(),
        }
    }

    /// Gives up an operation whose future is dropped. If it runs, its resources are kept until it is completed, and it
    /// is cancelled unless it is a lasting one. The caller settles or drops what is returned, when nothing is borrowed.
    pub(crate) fn abandon(
        &mut self,
        key: OperationKey,
        resources: Box<dyn Resources>,
    ) -> Result<Option<Waker>, Abandoned> {
        let entry = &mut self.entries[key.0 as usize];
        let waker = match std::mem::replace(&mut entry.state, OperationState::Free) {
            OperationState::Done(result) => {
                self.vacate(key.0);
                return Err((resources, result));
            }
            OperationState::Running(waker) => waker,
            OperationState::Forwarded(_) => None,
            OperationState::Free | OperationState::Orphan(_) => {
                unreachable!("a key names an operation that has a future")
            }
        };
        entry.state = OperationState::Orphan(resources);
        // An operation in the backlog is found there.
        if entry.is_submitted && !entry.is_lasting {
            self.to_cancel.push_back(key.0);
        }
        Ok(waker)
    }

    /// Ends the proactor of the runtime whose id is `runtime`. It cancels what runs, except lasting operations, and
    /// waits at most `limit` for the kernel to be done. Operations that are not back by then are leaked: the kernel may
    /// still write to them. An operation that is back and has a future is left to that future, which no longer finds
    /// this proactor: see [`late`].
    pub(crate) fn shut_down(&mut self, runtime: u64, limit: Duration) {
        self.is_ending = true;
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.is_submitted && entry.is_to_cancel(true) {
                self.to_cancel.push_back(index as u32);
            }
        }
        let end = Instant::now() + limit;
        loop {
            self.fill();
            let left = end.saturating_duration_since(Instant::now());
            if !self.is_busy() || left.is_zero() {
                break;
            }
            let time = types::Timespec::from(left);
            let wait = |ring: &IoUring| {
                ring.submitter().submit_with_args(1, &types::SubmitArgs::new().timespec(&time))
            };
            if self.enter_with(wait).is_err() {
                break;
            }
            self.reap();
        }
        let held = self.entries.iter().zip(0..).filter_map(|(entry, index)| {
            let (outcome, parcel) = match &entry.state {
                OperationState::Done(result) => (Some(*result), None),
                OperationState::Running(_) => (None, None),
                OperationState::Forwarded(parcel) => (None, Some(parcel.clone())),
                OperationState::Free | OperationState::Orphan(_) => return None,
            };
            Some(Held { key: OperationKey(index), outcome, parcel })
        });
        late::ended(runtime, held).into_iter().for_each(|rest| self.keep(rest));
        // Orphans that are not back are leaked when this is dropped.
    }
}

/// Keeps invariant 1 if [`shut_down`](Proactor::shut_down) has not been called.
impl Drop for Proactor {
    fn drop(&mut self) {
        for entry in &mut self.entries {
            if let OperationState::Orphan(_) | OperationState::Forwarded(_) = entry.state {
                std::mem::forget(std::mem::replace(&mut entry.state, OperationState::Free));
            }
        }
    }
}
