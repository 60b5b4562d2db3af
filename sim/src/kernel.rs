//! The kernel that simulated programs call. It has one clock, one network and a table of descriptors for all hosts, and
//! runs on one thread.
//!
//! Everything in here is plain data. No code of a user's runs while it is borrowed: what a call changes, it notes as
//! events and reports, which programs see when they ask.

pub(crate) mod descriptors;
pub(crate) mod epoll;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod hosts;
pub(crate) mod links;
pub(crate) mod pipe;
pub(crate) mod ports;
pub(crate) mod slab;
pub(crate) mod tcp;
pub(crate) mod udp;
pub(crate) mod unix;

use crate::trace::Trace;
use crate::{Errno, Nanos, Rng};
use descriptors::{Description, Fd, Kind, Table};
use events::{Event, Events};
use hosts::{Host, HostId, HostState};
use links::Links;
use ports::Ports;
use slab::{Key, Slab};
use std::collections::BTreeMap;
use tcp::Tcp;
use udp::Datagram;

pub(crate) type PoolCall = Box<dyn FnOnce() + Send>;

/// How long a call of the blocking pool takes, in nanoseconds: mostly, and at worst.
const USUAL_CALL: Nanos = 200_000;
const SLOW_CALL: Nanos = 5_000_000;

/// What a system call costs, in nanoseconds, on a host that is not slow.
const CALL: Nanos = 500;

/// What it costs to read a clock, after so many readings without a call of another kind. It is not nothing, so that a
/// loop that waits for a time comes to an end. The first readings are free: those that are made once in a process, for
/// some static, do not change what comes later.
const CLOCK: Nanos = 25;
const FREE_READINGS: u32 = 64;

/// What a poll of a task costs besides its calls.
const POLL: Nanos = 100;

/// How long a program runs before others get their turn, in nanoseconds.
const QUANTUM: Nanos = 50_000;

pub(crate) struct Kernel {
    pub(crate) seed: u64,
    /// The time of what runs: of the event, and what the program of the host has used since.
    pub(crate) now: Nanos,
    /// When the run of the current program began.
    pub(crate) began: Nanos,
    pub(crate) rng: Rng,
    /// What programs get when they ask for random numbers.
    pub(crate) entropy: Rng,
    pub(crate) trace: Trace,
    pub(crate) events: Events,
    pub(crate) hosts: Vec<Host>,
    /// The host whose program runs.
    pub(crate) here: Option<HostId>,
    pub(crate) table: Table,
    pub(crate) descriptions: Slab<Description>,
    /// The real eventfds that are watched.
    pub(crate) bells: BTreeMap<Fd, Key>,
    pub(crate) links: Links,
    pub(crate) ports: Ports,
    pub(crate) tcp: Slab<Tcp>,
    pub(crate) datagrams: Slab<Datagram>,
    pub(crate) unix: unix::Names,
    pub(crate) pipes: Slab<pipe::Pipe>,
    /// Calls of blocking pools that have not run, by their numbers.
    pub(crate) calls: BTreeMap<u32, (HostId, PoolCall)>,
    calls_taken: u32,
    /// How often a clock was read since the last call of another kind.
    readings: u32,
    /// It is a test's own kernel: see `alone`.
    pub(crate) is_alone: bool,
    /// The call has to wait, until this time if it is given, and is made again then. Only on a host that is alone.
    pub(crate) waits: Option<Option<Nanos>>,
    /// The program runs a call of its blocking pool.
    pub(crate) is_in_call: bool,
    /// What programs did that is no part of a simulation, as messages.
    pub(crate) escapes: Vec<String>,
    #[cfg(feature = "record")]
    pub(crate) records: crate::record::Records,
}

impl Kernel {
    pub(crate) fn new(seed: u64) -> Kernel {
        let mut rng = Rng::new(seed);
        Kernel {
            seed,
            now: 0,
            began: 0,
            entropy: rng.fork(),
            trace: Trace::new(seed),
            events: Events::new(rng.fork()),
            hosts: Vec::new(),
            here: None,
            table: Table::default(),
            descriptions: Slab::new(),
            bells: BTreeMap::new(),
            links: Links::new(rng.fork()),
            ports: Ports::default(),
            tcp: Slab::new(),
            datagrams: Slab::new(),
            unix: unix::Names::default(),
            pipes: Slab::new(),
            calls: BTreeMap::new(),
            calls_taken: 0,
            readings: 0,
            is_alone: false,
            waits: None,
            is_in_call: false,
            escapes: Vec::new(),
            #[cfg(feature = "record")]
            records: Default::default(),
            rng,
        }
    }

    /// The host whose program makes the call. One that is dying gets an error.
    pub(crate) fn here(&mut self) -> Result<HostId, Errno> {
        self.here.ok_or(libc::ENOSYS)
    }

    /// Refuses calls of a program whose machine has lost its power.
    pub(crate) fn check_alive(&mut self) -> Result<HostId, Errno> {
        let here = self.here()?;
        if self.host(here).state == HostState::Up { Ok(here) } else { Err(libc::EIO) }
    }

    /// Whether the machine of the current program has lost its power just now.
    pub(crate) fn is_dark(&mut self) -> bool {
        self.here().is_ok_and(|here| self.host(here).state == HostState::Dark)
    }

    /// The current program has used time: what a call costs.
    #[inline]
    pub(crate) fn charge(&mut self) {
        self.readings = 0;
        self.charge_nanos(CALL);
    }

    pub(crate) fn charge_poll(&mut self) {
        self.charge_nanos(POLL);
    }

    pub(crate) fn charge_nanos(&mut self, nanos: Nanos) {
        let Some(here) = self.here else { return };
        let slowness = Nanos::from(self.hosts[usize::from(here)].slowness);
        self.now += nanos * slowness / 100;
    }

    /// Reads one of the current host's clocks.
    pub(crate) fn read_clock(&mut self, is_time_of_day: bool) -> Option<Nanos> {
        let here = self.here?;
        self.readings += 1;
        if self.readings > FREE_READINGS {
            self.charge_nanos(CLOCK);
        }
        let clock = self.host(here).clock;
        Some(if is_time_of_day { clock.time_of_day(self.now) } else { clock.monotonic(self.now) })
    }

    /// epoll_wait(2) of `epoll`, for at most so many nanoseconds. If there is nothing to report, the program's root
    /// future is told to give the thread back.
    pub(crate) fn wait(
        &mut self,
        epoll: Fd,
        most: usize,
        limit: Option<Nanos>,
    ) -> Result<Vec<(u32, u64)>, Errno> {
        let here = self.here()?;
        let key = self.description(epoll)?;
        if !matches!(self.descriptions[key].kind, Kind::Epoll(_)) {
            return Err(libc::EINVAL);
        }
        if self.is_alone {
            return self.wait_alone(key, most, limit);
        }
        let is_over_time = self.now > self.began + QUANTUM * Nanos::from(self.host(here).slowness) / 100;
        let mut reports = self.take_reports(key, most);
        let waits = reports.is_empty() && limit != Some(0);
        if !waits && !is_over_time {
            return Ok(reports);
        }
        let clock = self.host(here).clock;
        let until = match limit.filter(|_| waits) {
            Some(nanos) => Some(self.now.saturating_add(clock.duration(nanos))),
            None if waits => None,
            None => Some(self.now),
        };
        let before = reports.len();
        if let Some(parked) = self.host(here).parked {
            self.descriptions[parked].kind = Kind::Parked(true);
            self.notify(parked, libc::EPOLLIN as u32);
            reports.append(&mut self.take_reports(key, most - before));
        }
        if reports.len() > before {
            self.host(here).sleep = Some(hosts::Sleep { epoll: key, until });
        } else if waits {
            self.escape("waits in an epoll instance of its own, which would stop all hosts");
            return Err(libc::EDEADLK);
        }
        Ok(reports)
    }

    fn wait_alone(
        &mut self,
        epoll: Key,
        most: usize,
        limit: Option<Nanos>,
    ) -> Result<Vec<(u32, u64)>, Errno> {
        let reports = self.take_reports(epoll, most);
        if reports.is_empty() && limit != Some(0) {
            self.waits = Some(limit.map(|limit| self.now.saturating_add(limit)));
        }
        Ok(reports)
    }

    /// Notes what a program did that is no part of the simulation.
    pub(crate) fn escape(&mut self, what: &str) {
        let host = self.here.map_or("the test", |here| &self.hosts[usize::from(here)].name).to_owned();
        let place = crate::place::of_caller();
        self.escapes.push(format!("host {host:?} {what}{place}"));
    }

    /// Something happens that is not up to the programs.
    pub(crate) fn happen(&mut self, event: Event) {
        match event {
            Event::Syn(tcp, number) => self.syn_arrives(tcp, number),
            Event::SynAck(tcp, from) => self.syn_ack_arrives(tcp, from),
            Event::Accepted(tcp) => self.handshake_ends(tcp),
            Event::Segment(tcp) => self.segment_arrives(tcp),
            Event::Ack(tcp) => self.ack_arrives(tcp),
            Event::Reset(tcp) => self.reset_arrives(tcp, libc::ECONNRESET),
            Event::Datagram(datagram) => self.datagram_arrives(datagram),
            Event::Run(..) | Event::Call(_) | Event::Planned(_) => {
                unreachable!("{event:?} is the simulation's")
            }
        }
    }

    /// Keeps a call of the current program's blocking pool, which runs a while later.
    pub(crate) fn take_call(&mut self, call: PoolCall) -> Result<(), PoolCall> {
        let Some(here) = self.here.filter(|here| self.hosts[usize::from(*here)].state == HostState::Up)
        else {
            return Err(call);
        };
        let most = if self.rng.below(20) == 0 { SLOW_CALL } else { USUAL_CALL };
        let at = self.now + self.rng.between(5_000, most);
        self.calls_taken += 1;
        self.calls.insert(self.calls_taken, (here, call));
        self.events.add(at, Event::Call(self.calls_taken));
        Ok(())
    }

    /// Takes the calls that the program of `host` has left.
    pub(crate) fn take_calls_of(&mut self, host: HostId) -> Vec<PoolCall> {
        let numbers: Vec<u32> =
            self.calls.iter().filter(|(_, (of, _))| *of == host).map(|(number, _)| *number).collect();
        numbers.iter().filter_map(|number| self.calls.remove(number)).map(|(_, call)| call).collect()
    }

    /// A real descriptor is closed.
    pub(crate) fn forget_bell(&mut self, fd: Fd) {
        if let Some(bell) = self.bells.remove(&fd) {
            self.give_up(bell);
        }
    }

    /// Makes a key of a real eventfd that an epoll instance is to watch.
    pub(crate) fn bell(&mut self, fd: Fd) -> Result<Key, Errno> {
        let host = self.here()?;
        if let Some(bell) = self.bells.get(&fd) {
            self.descriptions[*bell].host = host;
            return Ok(*bell);
        }
        let bell = Description { kind: Kind::Bell(false), host, flags: 0, users: 1, watchers: Vec::new() };
        let key = self.descriptions.insert(bell);
        self.bells.insert(fd, key);
        Ok(key)
    }

    /// A real eventfd is written to. Returns false if it is none of those that are watched.
    pub(crate) fn ring(&mut self, fd: Fd) -> bool {
        let Some(bell) = self.bells.get(&fd).copied() else { return false };
        self.descriptions[bell].kind = Kind::Bell(true);
        self.notify(bell, libc::EPOLLIN as u32);
        true
    }
}
