//! Faults that are drawn from the seed.

use crate::actions::Action;
use crate::kernel::hosts::HostId;
use crate::machine::End;
use crate::sim::{Sim, nanos};
use crate::{Nanos, Rng};
use std::time::Duration;

/// Which faults a run may have, and how many: they are drawn from the seed by [`Sim::faults`].
///
/// Each fault has an end: a host that crashed is started again, a partition heals.
///
/// # Examples
///
/// ```
/// use ayi::sim::{Faults, Sim};
/// use std::time::Duration;
/// # ayi::sim::kernel!();
///
/// # fn main() {
/// let sim = Sim::new(1);
/// for name in ["db-1", "db-2", "db-3"] {
///     sim.host(name, || async { std::future::pending::<()>().await });
/// }
/// sim.faults(
///     Faults::new(["db-1", "db-2", "db-3"])
///         .crashes()
///         .partitions()
///         .every(Duration::from_secs(5))
///         .until(Duration::from_secs(50)),
/// );
/// sim.run_for(Duration::from_secs(60)).unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "faults are given to `Sim::faults`"]
pub struct Faults {
    hosts: Vec<String>,
    kinds: Vec<Kind>,
    every: Duration,
    lasting: (Duration, Duration),
    until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Crash,
    CrashAtSync,
    Kill,
    Pause,
    Partition,
    OneWay,
    Slow,
    Reset,
}

impl Faults {
    /// Makes a plan without any kind of fault, for these hosts. A fault comes every two seconds on average and lasts 0.05
    /// to 2 s. None begins after 30 s.
    pub fn new<I: IntoIterator<Item: ToString>>(hosts: I) -> Faults {
        Faults {
            hosts: hosts.into_iter().map(|host| host.to_string()).collect(),
            kinds: Vec::new(),
            every: Duration::from_secs(2),
            lasting: (Duration::from_millis(50), Duration::from_secs(2)),
            until: Duration::from_secs(30),
        }
    }

    fn with(mut self, kind: Kind) -> Faults {
        self.kinds.push(kind);
        self
    }

    /// Adds loss of power, after which a host starts again: see [`Sim::crash`].
    pub fn crashes(self) -> Faults {
        self.with(Kind::Crash)
    }

    /// Adds loss of power in the middle of a sync, after which a host starts again: see [`Sim::crash_at_next_sync`].
    pub fn crashes_at_syncs(self) -> Faults {
        self.with(Kind::CrashAtSync)
    }

    /// Adds programs that are killed, and started again: see [`Sim::kill`].
    pub fn kills(self) -> Faults {
        self.with(Kind::Kill)
    }

    /// Adds programs that stop for a while: see [`Sim::pause`].
    pub fn pauses(self) -> Faults {
        self.with(Kind::Pause)
    }

    /// Adds networks that fall into two parts, and ways that are cut in one direction only.
    pub fn partitions(self) -> Faults {
        self.with(Kind::Partition).with(Kind::OneWay)
    }

    /// Adds hosts that are 2 to 100 times slower for a while.
    pub fn slow_hosts(self) -> Faults {
        self.with(Kind::Slow)
    }

    /// Adds connections between two hosts that break: see [`Sim::reset_connections`].
    pub fn resets(self) -> Faults {
        self.with(Kind::Reset)
    }

    /// Sets how often a fault comes on average.
    pub fn every(mut self, time: Duration) -> Faults {
        self.every = time.max(Duration::from_millis(1));
        self
    }

    /// Sets how long a fault lasts.
    pub fn lasting(mut self, least: Duration, most: Duration) -> Faults {
        self.lasting = (least, most.max(least));
        self
    }

    /// Sets the simulated time after which no fault begins.
    pub fn until(mut self, time: Duration) -> Faults {
        self.until = time;
        self
    }
}

impl Sim {
    /// Draws faults from the seed, from now on. One host at a time is down or stopped. The runner of
    /// `#[ayi::sim_test]` leaves out those that a failure does not need.
    ///
    /// # Panics
    ///
    /// Panics if there is no host of a name in it.
    #[track_caller]
    pub fn faults(&self, faults: Faults) {
        let hosts: Vec<HostId> = faults.hosts.iter().map(|name| self.id(name)).collect();
        let mut rng = self.0.kernel.borrow_mut().rng.fork();
        if hosts.is_empty() || faults.kinds.is_empty() {
            return;
        }
        let until = nanos(faults.until);
        let every = nanos(faults.every);
        let mut at = self.0.kernel.borrow().now;
        // When the host that is down or stopped is back.
        let mut back: Nanos = 0;
        loop {
            at = at.saturating_add(rng.between(1, every.saturating_mul(2)));
            if at >= until {
                return;
            }
            let lasts = rng.between(nanos(faults.lasting.0), nanos(faults.lasting.1));
            let kind = faults.kinds[rng.below(faults.kinds.len() as u64) as usize];
            let ends = at.saturating_add(lasts);
            let takes_host = matches!(kind, Kind::Crash | Kind::CrashAtSync | Kind::Kill | Kind::Pause);
            let drawn = self.draw(kind, &hosts, &mut rng);
            if takes_host && at < back {
                continue;
            }
            if takes_host {
                back = ends;
            }
            let number = self.0.faults.borrow().len();
            let lasting = match drawn.end.len() {
                0 => String::new(),
                _ => format!(", for {:.6} s", seconds(lasts)),
            };
            let text = format!("{number}: at {:.6} s{lasting}: {}", seconds(at), drawn.text);
            self.0.faults.borrow_mut().push(text);
            if !self.0.is_spared.borrow().contains(&number) {
                drawn.begin.into_iter().for_each(|action| self.plan(at, action));
                drawn.end.into_iter().for_each(|action| self.plan(ends, action));
            }
        }
    }

    fn draw(&self, kind: Kind, hosts: &[HostId], rng: &mut Rng) -> Drawn {
        let host = hosts[rng.below(hosts.len() as u64) as usize];
        let name = self.name(host);
        match kind {
            Kind::Crash => {
                Drawn::new(format!("{name} crashes"), Action::End(host, End::PowerLoss), Action::Start(host))
            }
            Kind::CrashAtSync => Drawn::new(
                format!("{name} crashes in the middle of its next sync"),
                Action::CrashAtSync(host),
                Action::Start(host),
            ),
            Kind::Kill => {
                Drawn::new(format!("{name} is killed"), Action::End(host, End::Kill), Action::Start(host))
            }
            Kind::Pause => Drawn::new(format!("{name} stops"), Action::Pause(host), Action::Resume(host)),
            Kind::Slow => {
                let times = rng.between(2, 100) as u32;
                Drawn::new(
                    format!("{name} is {times} times slower"),
                    Action::Slow(host, times * 100),
                    Action::Slow(host, 100),
                )
            }
            Kind::Reset => {
                let to = self.another(host, rng);
                let text = format!("connections between {name} and {} break", self.name(to));
                Drawn { text, begin: vec![Action::Reset(host, to)], end: Vec::new() }
            }
            Kind::OneWay => {
                let to = self.another(host, rng);
                let text = format!("nothing goes from {name} to {}", self.name(to));
                Drawn::new(text, Action::Cut(host, to, true), Action::Cut(host, to, false))
            }
            Kind::Partition => {
                let all = self.0.machines.borrow().len() as HostId;
                // Also hosts that no fault takes down: clients may be cut off. Nobody is alone in the world.
                let away = self.another(host, rng);
                let (mut here, mut there) = (vec![host], vec![away]);
                for other in (0..all).filter(|other| *other != host && *other != away) {
                    if rng.below(2) == 0 { here.push(other) } else { there.push(other) }
                }
                let pairs = |is_cut: bool| -> Vec<Action> {
                    let ways = here.iter().flat_map(|a| there.iter().map(move |b| (*a, *b)));
                    ways.flat_map(|(a, b)| [Action::Cut(a, b, is_cut), Action::Cut(b, a, is_cut)]).collect()
                };
                let names =
                    |hosts: &[HostId]| hosts.iter().map(|id| self.name(*id)).collect::<Vec<_>>().join(", ");
                let text = format!("{} cannot reach {}", names(&here), names(&there));
                Drawn { text, begin: pairs(true), end: pairs(false) }
            }
        }
    }
}

impl Sim {
    /// Draws any host but `host`, or that one if there is no other.
    fn another(&self, host: HostId, rng: &mut Rng) -> HostId {
        let others: Vec<HostId> =
            (0..self.0.machines.borrow().len() as HostId).filter(|other| *other != host).collect();
        others.get(rng.below(others.len() as u64) as usize).copied().unwrap_or(host)
    }
}

struct Drawn {
    text: String,
    begin: Vec<Action>,
    end: Vec<Action>,
}

impl Drawn {
    fn new(text: String, begin: Action, end: Action) -> Drawn {
        Drawn { text, begin: vec![begin], end: vec![end] }
    }
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}
