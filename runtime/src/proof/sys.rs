//! Stands for the kernel, in place of `core/sys.rs`: time stands still, and only the bell and the descriptors that a model
//! has made ready end a sleep.

use loom::sync::{Condvar, Mutex};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

pub(crate) const READABLE: u32 = 0x1;
pub(crate) const URGENT: u32 = 0x2;
pub(crate) const WRITABLE: u32 = 0x4;
pub(crate) const ERROR: u32 = 0x8;
pub(crate) const HANG_UP: u32 = 0x10;
pub(crate) const PEER_SHUT_DOWN: u32 = 0x2000;

/// The bells' descriptors, which the kernel does not know, begin here.
const FIRST_BELL: usize = 1 << 20;

thread_local! {
    /// The bells, by their descriptors. A model, with all its threads, runs on one thread of the system.
    static BELLS: RefCell<Vec<&'static Bell>> = const { RefCell::new(Vec::new()) };
    static LINES: RefCell<Vec<(RawFd, &'static Line)>> = const { RefCell::new(Vec::new()) };
    static RINGS: Cell<usize> = const { Cell::new(0) };
}

/// Returns how often any bell has been rung.
#[cfg(test)]
pub(crate) fn rings() -> usize {
    RINGS.get()
}

/// A bell, and what the epoll instance that watches it has to report.
struct Bell {
    state: Mutex<BellState>,
    rung: Condvar,
}

#[derive(Default)]
struct BellState {
    is_rung: bool,
    events: Vec<(u64, u32)>,
}

/// A descriptor that a model makes ready.
pub(crate) struct Line {
    state: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    is_ready: bool,
    /// Where it is registered.
    registered: Option<(u64, &'static Bell)>,
}

impl Line {
    /// From here on, in this run of the model, `fd` is such a descriptor. It is not ready yet.
    #[cfg(test)]
    pub(crate) fn new(fd: RawFd) -> &'static Line {
        let line: &'static Line = Box::leak(Box::new(Line { state: Mutex::default() }));
        LINES.with_borrow_mut(|lines| {
            lines.retain(|(other, _)| *other != fd);
            lines.push((fd, line));
        });
        line
    }

    #[cfg(test)]
    pub(crate) fn make_ready(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_ready = true;
        state.report();
    }

    #[cfg(test)]
    pub(crate) fn is_ready(&self) -> bool {
        self.state.lock().unwrap().is_ready
    }
}

impl LineState {
    fn report(&self) {
        let (true, Some((token, bell))) = (self.is_ready, self.registered) else { return };
        bell.state.lock().unwrap().events.push((token, READABLE));
        bell.rung.notify_one();
    }
}

pub(crate) struct EventFd {
    fd: RawFd,
    bell: &'static Bell,
}

impl EventFd {
    pub(crate) fn new() -> io::Result<EventFd> {
        let bell: &'static Bell = Box::leak(Box::new(Bell { state: Mutex::default(), rung: Condvar::new() }));
        let index = BELLS.with_borrow_mut(|bells| {
            bells.push(bell);
            bells.len() - 1
        });
        Ok(EventFd { fd: (FIRST_BELL + index) as RawFd, bell })
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.fd
    }

    pub(crate) fn ring(&self) {
        RINGS.set(RINGS.get() + 1);
        self.bell.state.lock().unwrap().is_rung = true;
        self.bell.rung.notify_one();
    }
}

#[derive(Default)]
pub(crate) struct Epoll {
    bell: Cell<Option<&'static Bell>>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        Ok(Epoll::default())
    }

    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        if let Some(index) = (fd as usize).checked_sub(FIRST_BELL) {
            self.bell.set(BELLS.with_borrow(|bells| bells.get(index).copied()));
            return Ok(());
        }
        self.reference().add(fd, token)
    }

    pub(crate) fn modify(&self, fd: RawFd, token: u64) -> io::Result<()> {
        if let Some(line) = line(fd) {
            let mut state = line.state.lock().unwrap();
            state.registered = Some((token, self.reference().0));
            state.report();
        }
        Ok(())
    }

    /// The reactor adds the bell first.
    pub(crate) fn reference(&self) -> EpollRef {
        EpollRef(self.bell.get().expect("the bell has been added"))
    }

    /// Waits for the bell, or for a descriptor. If an item is slept over, that shows as a deadlock, which loom reports.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> io::Result<impl ExactSizeIterator<Item = (u64, u32)>> {
        let bell = self.bell.get().expect("the reactor adds the bell first");
        let mut state = bell.state.lock().unwrap();
        while timeout.is_none() && !state.is_rung && state.events.is_empty() {
            state = bell.rung.wait(state).unwrap();
        }
        state.is_rung = false;
        Ok(std::mem::take(&mut state.events).into_iter())
    }
}

#[derive(Clone, Copy)]
pub(crate) struct EpollRef(&'static Bell);

impl EpollRef {
    pub(crate) fn is_ours(self) -> bool {
        true
    }

    pub(crate) fn add(self, fd: RawFd, token: u64) -> io::Result<()> {
        let Some(line) = line(fd) else { return Ok(()) };
        let mut state = line.state.lock().unwrap();
        if matches!(state.registered, Some((_, bell)) if std::ptr::eq(bell, self.0)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.registered = Some((token, self.0));
        state.report();
        Ok(())
    }

    pub(crate) fn delete(self, fd: RawFd) {
        if let Some(line) = line(fd) {
            let mut state = line.state.lock().unwrap();
            state.registered.take_if(|(_, bell)| std::ptr::eq(*bell, self.0));
        }
    }
}

fn line(fd: RawFd) -> Option<&'static Line> {
    LINES.with_borrow(|lines| lines.iter().find(|(other, _)| *other == fd).map(|(_, line)| *line))
}

pub(crate) fn state(_fd: RawFd) -> u32 {
    0
}

pub(crate) fn monotonic_clock() -> i64 {
    0
}
