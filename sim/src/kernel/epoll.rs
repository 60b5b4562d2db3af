//! epoll instances: which descriptions are watched, and which of them have something to report.

use super::Kernel;
use super::descriptors::{Fd, Kind};
use super::slab::Key;
use crate::Errno;
use std::collections::{BTreeMap, VecDeque};

const MODES: u32 = (libc::EPOLLET | libc::EPOLLONESHOT | libc::EPOLLWAKEUP | libc::EPOLLEXCLUSIVE) as u32;

/// What is reported whether or not it is asked for: epoll_ctl(2).
const ALWAYS: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;

#[derive(Default)]
pub(crate) struct Epoll {
    watched: BTreeMap<(Fd, Key), Watched>,
    /// Those that may have something to report, in the order in which it happened.
    ready: VecDeque<(Fd, Key)>,
}

struct Watched {
    events: u32,
    data: u64,
    is_queued: bool,
    /// By EPOLLONESHOT, after its report.
    is_disarmed: bool,
}

impl Epoll {
    fn queue(&mut self, fd: Fd, description: Key) -> bool {
        let Some(watched) = self.watched.get_mut(&(fd, description)) else { return false };
        if watched.is_disarmed {
            return false;
        }
        if !watched.is_queued {
            watched.is_queued = true;
            self.ready.push_back((fd, description));
        }
        true
    }
}

impl Kernel {
    fn epoll(&mut self, key: Key) -> Option<&mut Epoll> {
        match &mut self.descriptions.get_mut(key)?.kind {
            Kind::Epoll(epoll) => Some(epoll),
            _ => None,
        }
    }

    /// epoll_ctl(2). `target` is what the descriptor `fd` stands for.
    pub(crate) fn epoll_control(
        &mut self,
        epoll: Fd,
        operation: i32,
        fd: Fd,
        target: Key,
        event: Option<(u32, u64)>,
    ) -> Result<(), Errno> {
        let key = self.description(epoll)?;
        if key == target {
            return Err(libc::EINVAL);
        }
        if matches!(self.descriptions[target].kind, Kind::File(_)) {
            return Err(libc::EPERM);
        }
        let instance = self.epoll(key).ok_or(libc::EINVAL)?;
        let is_watched = instance.watched.contains_key(&(fd, target));
        match (operation, event) {
            (libc::EPOLL_CTL_DEL, _) if is_watched => {
                self.forget(key, fd, target);
                self.descriptions[target].watchers.retain(|watcher| *watcher != (key, fd));
            }
            (libc::EPOLL_CTL_ADD, Some((events, data))) if !is_watched => {
                let watched = Watched { events, data, is_queued: false, is_disarmed: false };
                instance.watched.insert((fd, target), watched);
                self.descriptions[target].watchers.push((key, fd));
                self.report_present(key, fd, target, events);
            }
            (libc::EPOLL_CTL_MOD, Some((events, data))) if is_watched => {
                let watched = instance.watched.get_mut(&(fd, target)).expect("it is watched");
                (watched.events, watched.data, watched.is_disarmed) = (events, data, false);
                self.report_present(key, fd, target, events);
            }
            (libc::EPOLL_CTL_ADD, Some(_)) => return Err(libc::EEXIST),
            (libc::EPOLL_CTL_DEL, _) | (libc::EPOLL_CTL_MOD, Some(_)) => return Err(libc::ENOENT),
            _ => return Err(libc::EINVAL),
        }
        Ok(())
    }

    /// Reports what holds already when the watch begins.
    fn report_present(&mut self, epoll: Key, fd: Fd, target: Key, events: u32) {
        if self.mask(target) & (events | ALWAYS) != 0 {
            self.queue_report(epoll, fd, target);
        }
    }

    fn queue_report(&mut self, epoll: Key, fd: Fd, target: Key) {
        let Some(instance) = self.epoll(epoll) else { return };
        if instance.queue(fd, target) {
            let host = self.descriptions[epoll].host;
            if self.host(host).sleep.is_some_and(|sleep| sleep.epoll == epoll) {
                self.wake_host(host);
            }
        }
    }

    /// Something has happened to a description that may be one of `events`.
    pub(crate) fn notify(&mut self, target: Key, events: u32) {
        let Some(description) = self.descriptions.get_mut(target) else { return };
        let watchers = std::mem::take(&mut description.watchers);
        for (epoll, fd) in &watchers {
            let asked = self.epoll(*epoll).and_then(|it| it.watched.get(&(*fd, target))).map(|it| it.events);
            if asked.is_some_and(|asked| (asked | ALWAYS) & events != 0) {
                self.queue_report(*epoll, *fd, target);
            }
        }
        self.descriptions[target].watchers = watchers;
    }

    /// Takes what is to be reported, at most so many. Reports of one moment come in an order that the seed decides.
    pub(crate) fn take_reports(&mut self, epoll: Key, most: usize) -> Vec<(u32, u64)> {
        let mut reports = Vec::new();
        let Some(instance) = self.epoll(epoll) else { return reports };
        let mut again = Vec::new();
        let mut left = instance.ready.len();
        while left > 0 && reports.len() < most {
            left -= 1;
            let chosen = self.rng.below(left as u64 + 1) as usize;
            let instance = self.epoll(epoll).expect("it is one");
            let Some((fd, target)) = instance.ready.remove(chosen) else { break };
            let Some(watched) = instance.watched.get_mut(&(fd, target)) else { continue };
            watched.is_queued = false;
            let (events, data) = (watched.events, watched.data);
            let mask = self.mask(target) & ((events & !MODES) | ALWAYS);
            if mask == 0 {
                continue;
            }
            reports.push((mask, data));
            let instance = self.epoll(epoll).expect("it is one");
            let watched = instance.watched.get_mut(&(fd, target)).expect("it is watched");
            if events & libc::EPOLLONESHOT as u32 != 0 {
                watched.is_disarmed = true;
            } else if events & libc::EPOLLET as u32 == 0 {
                again.push((fd, target));
            }
        }
        for (fd, target) in again {
            self.epoll(epoll).expect("it is one").queue(fd, target);
        }
        reports
    }

    pub(crate) fn has_reports(&self, epoll: Key) -> bool {
        let Some(description) = self.descriptions.get(epoll) else { return false };
        let Kind::Epoll(instance) = &description.kind else { return false };
        instance.ready.iter().any(|(fd, target)| {
            let watched = instance.watched.get(&(*fd, *target));
            watched.is_some_and(|it| self.mask(*target) & ((it.events & !MODES) | ALWAYS) != 0)
        })
    }

    /// The instance no longer watches it.
    pub(crate) fn forget(&mut self, epoll: Key, fd: Fd, target: Key) {
        if let Some(instance) = self.epoll(epoll) {
            instance.watched.remove(&(fd, target));
            instance.ready.retain(|ready| *ready != (fd, target));
        }
    }

    pub(crate) fn close_epoll(&mut self, epoll: Epoll, key: Key) {
        for (fd, target) in epoll.watched.into_keys() {
            if let Some(description) = self.descriptions.get_mut(target) {
                description.watchers.retain(|watcher| *watcher != (key, fd));
            }
        }
    }
}
