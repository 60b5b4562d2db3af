//! The hosts: machines of which each runs one program, on one thread, with a clock of its own.

use super::Kernel;
use super::events::Event;
use super::files::Files;
use super::slab::Key;
use crate::{Errno, Nanos};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) type HostId = u16;

/// A host's monotonic clock begins with this, in nanoseconds: it has been up for a while.
const UPTIME: u64 = 1_000_000_000_000;

/// The time of the day at which a simulation begins: the year 2026, in nanoseconds since 1970.
pub(crate) const BEGIN: u64 = 1_767_225_600_000_000_000;

/// The first port that is given to sockets which ask for none: ip(7), `ip_local_port_range`.
const FIRST_PORT: u64 = 32_768;
const LAST_PORT: u64 = 60_999;

pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
    /// How often its program was started or ended.
    pub(crate) life: u32,
    pub(crate) state: HostState,
    pub(crate) is_paused: bool,
    /// Whether it loses its power in the middle of its next sync.
    pub(crate) crashes_at_sync: bool,
    /// A call costs so many hundredths of what it costs elsewhere.
    pub(crate) slowness: u32,
    pub(crate) clock: Clock,
    /// The program has used the time until here.
    pub(crate) busy_until: Nanos,
    /// When the next `Event::Run` counts. Earlier ones have been replaced.
    pub(crate) run_at: Option<Nanos>,
    /// Since when it has not slept.
    pub(crate) awake_since: Option<Nanos>,
    /// What the program waits in.
    pub(crate) sleep: Option<Sleep>,
    /// The descriptor that tells the program's root future to give the thread back.
    pub(crate) parked: Option<Key>,
    /// How many descriptors it may have.
    pub(crate) max_fds: usize,
    pub(crate) fds: usize,
    /// Its disk, once it has been needed.
    pub(crate) files: Option<Box<Files>>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum HostState {
    Up,
    /// The machine has lost its power in the middle of a call. All calls fail, but for the one with which the runtime gives
    /// the thread back; then it is dying.
    Dark,
    /// The machine has lost its power, and what is left of its program is being dropped: all calls fail.
    Dying,
    Down,
}

#[derive(Clone, Copy)]
pub(crate) struct Sleep {
    pub(crate) epoll: Key,
    pub(crate) until: Option<Nanos>,
}

/// How a host's clock differs from the simulation's time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Clock {
    /// Nanoseconds that its time of the day is ahead.
    pub(crate) ahead: i64,
    /// Millionths by which both its clocks are faster.
    pub(crate) drift: i32,
}

impl Clock {
    fn ran(self, now: Nanos) -> Nanos {
        let more = i128::from(now) * i128::from(self.drift) / 1_000_000;
        (i128::from(now) + more) as Nanos
    }

    pub(crate) fn monotonic(self, now: Nanos) -> Nanos {
        UPTIME + self.ran(now)
    }

    pub(crate) fn time_of_day(self, now: Nanos) -> Nanos {
        (BEGIN + self.ran(now)).saturating_add_signed(self.ahead)
    }

    /// Turns a duration of this clock into the simulation's. It is rounded up, so that no sleep ends early.
    pub(crate) fn duration(self, nanos: Nanos) -> Nanos {
        if self.drift == 0 {
            return nanos;
        }
        let whole = i128::from(nanos) * 1_000_000;
        (whole / (1_000_000 + i128::from(self.drift)) + 2).min(i128::from(u64::MAX / 4)) as Nanos
    }
}

impl Host {
    pub(crate) fn new(name: String, id: HostId) -> Host {
        let [high, low] = (id + 1).to_be_bytes();
        Host {
            name,
            v4: Ipv4Addr::new(10, 0, high, low),
            v6: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, id + 1),
            life: 0,
            state: HostState::Down,
            is_paused: false,
            crashes_at_sync: false,
            slowness: 100,
            clock: Clock::default(),
            busy_until: 0,
            run_at: None,
            awake_since: None,
            sleep: None,
            parked: None,
            max_fds: 20_000,
            fds: 0,
            files: None,
        }
    }

    pub(crate) fn has(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => ip == self.v4 || ip.is_loopback(),
            IpAddr::V6(ip) => ip == self.v6 || ip.is_loopback(),
        }
    }
}

impl Kernel {
    pub(crate) fn host(&mut self, id: HostId) -> &mut Host {
        &mut self.hosts[usize::from(id)]
    }

    /// Finds the host that packets from `from` to `to` go to.
    pub(crate) fn route(&self, from: HostId, to: IpAddr) -> Option<HostId> {
        if self.hosts[usize::from(from)].has(to) || to.is_unspecified() {
            return Some(from);
        }
        self.hosts.iter().position(|host| host.has(to)).map(|at| at as HostId)
    }

    /// Has the program of `host` run as soon as it may.
    pub(crate) fn wake_host(&mut self, host: HostId) {
        let now = self.now;
        let it = self.host(host);
        if it.sleep.is_some() {
            let at = now.max(it.busy_until);
            self.run_host_at(host, at);
        }
    }

    /// Has it run at `at`, or earlier.
    pub(crate) fn run_host_at(&mut self, host: HostId, at: Nanos) {
        let it = self.host(host);
        if it.run_at.is_some_and(|planned| planned <= at) {
            return;
        }
        it.run_at = Some(at);
        let life = it.life;
        self.events.add(at, Event::Run(host, life));
    }

    /// Returns whether that run is to be made, which is then no longer planned.
    pub(crate) fn is_run_due(&mut self, host: HostId, life: u32) -> bool {
        let now = self.now;
        let it = self.host(host);
        let is_due = it.life == life && it.state == HostState::Up && it.run_at == Some(now);
        if is_due {
            it.run_at = None;
        }
        is_due && !it.is_paused
    }

    /// A port that is free on `host` for `is_free`.
    pub(crate) fn ephemeral_port(&mut self, is_free: impl Fn(&Kernel, u16) -> bool) -> Result<u16, Errno> {
        let count = LAST_PORT - FIRST_PORT + 1;
        let start = self.rng.below(count);
        let ports = (0..count).map(|at| (FIRST_PORT + (start + at) % count) as u16);
        ports.into_iter().find(|port| is_free(self, *port)).ok_or(libc::EADDRINUSE)
    }
}
