//! The proactor: operations that the kernel does as a whole, through io_uring(7). For files, which epoll cannot wait
//! for.
//!
//! ```text
//!   submit ──▶ backlog ──▶ submission queue ──▶ kernel ──▶ completion queue ──▶ the entry: store the result, wake
//!                └──── enter: one system call a turn ────┘                            │
//!                                                                look: the future takes the result, and its resources
//!   dropped ──▶ orphan: the entry has the resources now, the kernel is asked to cancel ──▶ completion: abandoned
//! ```
//!
//! Invariants:
//! 1. What an operation points at (its *resources*) lives until its completion has been seen: in its future, and when
//!    that is dropped before, in the entry. So the kernel never writes to what is somebody else's.
//! 2. An entry belongs to one operation, from `submit` until the completion has been seen *and* the future has taken
//!    the result or is dropped. So completions need no generation: one number is never two operations'.
//! 3. No more operations are in the kernel than the completion queue has room for, twice: it cannot overflow, and there
//!    is always room to cancel. A request to cancel is completed in the `enter` that submits it, and is submitted before
//!    what is asked for later: so it never means a later operation of the same number.
//! 4. The ring is made, used and closed on the runtime's thread (`IORING_SETUP_SINGLE_ISSUER`), and the kernel
//!    completes operations only while that thread is inside `enter` (`IORING_SETUP_DEFER_TASKRUN`). When there is
//!    something to complete, it says so in memory (`IORING_SQ_TASKRUN`) and rings the runtime's bell, as another thread
//!    would. (epoll can watch the ring itself, but Linux 6.18 did not report what a thread of the kernel had completed.)
//! 5. No waker is run, cloned or dropped here but those of slots, and no resources are dropped: they are handed back.
//!
//! Left out: registered files and buffers, multishot operations, a ring for sockets. epoll ties with it there, see
//! bench/RESULTS.md, and needs no buffer for each connection that waits.
//!
//! Needs Linux 6.1. Where there is no ring (older kernels, containers that forbid it), files go to the blocking pool.

use crate::task;
use io_uring::{IoUring, opcode, squeue, types};
use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use std::task::Waker;
use std::time::{Duration, Instant};

/// Submissions that one `enter` takes.
const SUBMISSIONS: u32 = 64;

/// Bytes that the submissions of one `enter` move, but for the last: what is in the page cache is copied meanwhile, on
/// this thread, and sockets and timers wait for it. Some 30 µs; a look at the sockets in between is 0.3.
const BYTES: usize = 256 * 1024;

/// Operations that may be in the kernel at a time.
const OPERATIONS: u32 = 4096;

/// Names the completion of a request to cancel: nobody waits for it. No entry has this number.
const CANCEL: u64 = u64::MAX;

/// What an operation needs while it runs.
pub trait Resources: Send + 'static {
    /// The operation has been completed, and nobody waits for its result any more: what [io_uring's completion] has,
    /// a negative number being an error. Drops the resources, unless there is more to do: a result may be a
    /// descriptor, which somebody has to close.
    ///
    /// [io_uring's completion]: https://man7.org/linux/man-pages/man7/io_uring.7.html
    fn abandoned(self: Box<Self>, _result: i32) {}
}

/// An operation that has been completed when nobody waited for it any more.
pub(crate) type Abandoned = (Box<dyn Resources>, i32);

pub(crate) struct Proactor {
    ring: IoUring,
    entries: Vec<Entry>,
    /// Entries that belong to no operation.
    free: Vec<u32>,
    /// What is not in the submission queue yet, and how many bytes each moves.
    backlog: VecDeque<(squeue::Entry, usize)>,
    /// Operations that are to be cancelled.
    cancels: VecDeque<u32>,
    /// How many the kernel, or the submission queue, has.
    in_flight: u32,
    /// Wakers that are no slots of this thread, for the caller to wake.
    pub(crate) others: Vec<Waker>,
    /// Orphans that have been completed, for the caller to settle.
    pub(crate) abandoned: Vec<Abandoned>,
}

enum Entry {
    Free,
    Running(Option<Waker>),
    Orphan(Orphan),
    Done(i32),
}

struct Orphan {
    resources: Box<dyn Resources>,
    /// If it has not been submitted yet, it need not be.
    is_cancelled: bool,
}

/// Names an operation of one proactor.
#[derive(Clone, Copy)]
pub(crate) struct OperationKey(u32);

/// What became of an operation.
pub(crate) enum Look {
    /// It is completed, and the waker is given back.
    Done(i32, Waker),
    /// It runs, and the waker that was stored before is given back.
    Running(Option<Waker>),
}

impl Proactor {
    /// # Errors
    ///
    /// If the system refuses it (`EPERM`, `ENOSYS`, `ENOMEM`), or does not know the flags (`EINVAL`).
    pub(crate) fn new(bell: RawFd) -> io::Result<Proactor> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(2 * OPERATIONS)
            .dontfork()
            .build(SUBMISSIONS)?;
        ring.submitter().register_eventfd(bell)?;
        Ok(Proactor {
            ring,
            entries: Vec::new(),
            free: Vec::new(),
            backlog: VecDeque::new(),
            cancels: VecDeque::new(),
            in_flight: 0,
            others: Vec::new(),
            abandoned: Vec::new(),
        })
    }

    /// Puts an operation, which moves so many bytes, into the queue for the next `enter`.
    ///
    /// # Safety
    ///
    /// What `operation` points at stays as it is until the operation is completed: invariant 1.
    pub(crate) unsafe fn submit(&mut self, operation: squeue::Entry, bytes: usize) -> OperationKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::Free);
            u32::try_from(self.entries.len() - 1).expect("fewer operations than 2^32")
        });
        self.entries[index as usize] = Entry::Running(None);
        self.backlog.push_back((operation.user_data(index.into()), bytes));
        OperationKey(index)
    }

    /// Whether `enter` has anything to do. (A look at memory that the kernel shares, no system call. While the kernel has
    /// as many operations as there may be, others wait: each of those that is completed rings.)
    pub(crate) fn wants_to_enter(&mut self) -> bool {
        let has_submissions = !self.backlog.is_empty() && self.in_flight < OPERATIONS;
        let queue = self.ring.submission();
        has_submissions || !self.cancels.is_empty() || !queue.is_empty() || queue.taskrun()
    }

    /// Whether the kernel has anything to do.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight > 0 || !self.backlog.is_empty()
    }

    /// Submits what is queued, as much as fits, and takes what is completed. Never waits.
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        self.fill();
        self.enter_with(|ring| ring.submit())?;
        self.reap();
        Ok(())
    }

    fn enter_with(&mut self, enter: impl Fn(&IoUring) -> io::Result<usize>) -> io::Result<()> {
        match enter(&self.ring) {
            // What was not taken stays in the queue, and is submitted with the next.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EBUSY | libc::EINTR)) => {
                Ok(())
            }
            Err(error) if error.raw_os_error() == Some(libc::ETIME) => Ok(()),
            result => result.map(drop),
        }
    }

    fn fill(&mut self) {
        let mut queue = self.ring.submission();
        while !queue.is_full() {
            let Some(index) = self.cancels.pop_front() else { break };
            let cancel = opcode::AsyncCancel::new(index.into()).build().user_data(CANCEL);
            // SAFETY: it points at nothing.
            unsafe { queue.push(&cancel) }.expect("the queue has room");
        }
        let mut sum = 0;
        while sum < BYTES && self.in_flight < OPERATIONS && !queue.is_full() {
            let Some((operation, bytes)) = self.backlog.pop_front() else { break };
            let index = operation.get_user_data() as u32;
            let entry = &mut self.entries[index as usize];
            match std::mem::replace(entry, Entry::Free) {
                Entry::Orphan(orphan) if orphan.is_cancelled => {
                    self.free.push(index);
                    self.abandoned.push((orphan.resources, -libc::ECANCELED));
                    continue;
                }
                other => *entry = other,
            }
            // SAFETY: the promise of `submit`.
            unsafe { queue.push(&operation) }.expect("the queue has room");
            self.in_flight += 1;
            sum = bytes.saturating_add(sum);
        }
    }

    fn reap(&mut self) {
        for completion in self.ring.completion() {
            if completion.user_data() == CANCEL {
                continue;
            }
            self.in_flight -= 1;
            let index = completion.user_data() as u32;
            let entry = &mut self.entries[index as usize];
            match std::mem::replace(entry, Entry::Done(completion.result())) {
                Entry::Running(waker) => self.others.extend(waker.and_then(task::wake_own)),
                Entry::Orphan(orphan) => {
                    *entry = Entry::Free;
                    self.free.push(index);
                    self.abandoned.push((orphan.resources, completion.result()));
                }
                Entry::Free | Entry::Done(_) => unreachable!("an operation is completed once"),
            }
        }
    }

    /// The result, if it is there: then the key names nothing any more. Else `waker` is woken when it is.
    pub(crate) fn look(&mut self, key: OperationKey, waker: Waker) -> Look {
        let entry = &mut self.entries[key.0 as usize];
        match entry {
            Entry::Done(result) => {
                let result = *result;
                *entry = Entry::Free;
                self.free.push(key.0);
                Look::Done(result, waker)
            }
            Entry::Running(stored) => Look::Running(stored.replace(waker)),
            Entry::Free | Entry::Orphan(_) => unreachable!("a key names an operation that has a future"),
        }
    }

    /// The future is dropped. If the operation runs, its resources are kept until it is completed. What comes back is
    /// to be settled, or dropped, when nothing is borrowed.
    pub(crate) fn abandon(
        &mut self,
        key: OperationKey,
        resources: Box<dyn Resources>,
        cancel: bool,
    ) -> Result<Option<Waker>, Abandoned> {
        let entry = &mut self.entries[key.0 as usize];
        match std::mem::replace(entry, Entry::Free) {
            Entry::Done(result) => {
                self.free.push(key.0);
                Err((resources, result))
            }
            Entry::Running(waker) => {
                *entry = Entry::Orphan(Orphan { resources, is_cancelled: cancel });
                if cancel {
                    self.cancels.push_back(key.0);
                }
                Ok(waker)
            }
            Entry::Free | Entry::Orphan(_) => unreachable!("a key names an operation that has a future"),
        }
    }

    /// The runtime ends: cancels what runs, but for what was left to itself, and waits for the kernel to be done with
    /// it, at most `limit`. What is not back by then is leaked: the kernel may still write to it.
    pub(crate) fn shut_down(&mut self, limit: Duration) {
        for (index, entry) in self.entries.iter().enumerate() {
            if matches!(entry, Entry::Running(_)) {
                self.cancels.push_back(index as u32);
            }
        }
        // What has not begun, and somebody waits for, does not begin.
        let entries = &mut self.entries;
        self.backlog.retain(|(operation, _)| {
            let entry = &mut entries[operation.get_user_data() as usize];
            let Entry::Running(waker) = entry else { return true };
            self.others.extend(waker.take());
            *entry = Entry::Done(-libc::ECANCELED);
            false
        });
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
        for entry in &mut self.entries {
            if let Entry::Orphan(orphan) = std::mem::replace(entry, Entry::Free) {
                std::mem::forget(orphan.resources);
            }
        }
    }
}
