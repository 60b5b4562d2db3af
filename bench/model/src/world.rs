//! Time, connections and events, in which the policies differ not.

use crate::costs::Costs;
use crate::load::{Load, Numbers};
use crate::loops::Loops;
use crate::thieves::Thieves;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// What becomes of connections that have something to do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Policy {
    /// A connection stays on the core to which it was dealt, without a look at what that has to do.
    Blind,
    /// It begins in the same way, and cores share as ayi's do.
    Sharing,
    /// Workers take what others have in their queues.
    Stealing,
}

/// An experiment.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub policy: Policy,
    pub load: Load,
    pub cores: usize,
    pub connections: usize,
    /// What is computed for each request.
    pub computing: u64,
    /// How much is asked: the part of what all cores could answer if they did nothing else.
    pub asked: f64,
    /// How long it is watched, after a tenth of that time.
    pub time: u64,
    pub seed: u64,
}

/// What has been seen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Outcome {
    /// Answers, as a part of what all cores could give.
    pub answered: f64,
    pub p50: u64,
    pub p99: u64,
    /// Connections that have changed their core, per second and core.
    pub moves: f64,
}

/// Completed operations of a poll, after which a task lets others go first.
const BUDGET: u32 = 64;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A connection gets the next request.
    Asked(usize),
    /// A core has done what it was doing.
    Done(usize),
    /// Connections come to a core, in a message of this number.
    Come(usize, usize),
}

/// A connection, with the task that serves it.
#[derive(Default)]
pub(crate) struct Connection {
    /// When those came that are not answered.
    pub waiting: VecDeque<u64>,
    /// It is known that it has something to do: it is in an epoll, a queue, or on a core.
    pub is_noted: bool,
    /// Where its descriptor is watched.
    pub at: usize,
    /// When it came there.
    pub since: Option<u64>,
    /// The average time between two requests. 0: it is silent.
    gap: f64,
}

/// What a core is polling.
#[derive(Clone, Copy)]
pub(crate) struct Polling {
    pub connection: usize,
    left: u32,
}

pub(crate) struct World {
    pub now: u64,
    pub costs: Costs,
    pub connections: Vec<Connection>,
    pub numbers: Numbers,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    number: u64,
    request: u64,
    begin: u64,
    latencies: Vec<u64>,
    pub moves: u64,
}

/// The cores, as one of the policies has them.
pub(crate) trait Cores {
    /// A connection has something to do that nobody has noticed.
    fn asked(&mut self, world: &mut World, connection: usize);
    fn done(&mut self, world: &mut World, core: usize);
    fn come(&mut self, world: &mut World, core: usize, message: usize);
}

impl World {
    pub fn at(&mut self, time: u64, event: Event) {
        self.number += 1;
        self.events.push(Reverse((time, self.number, event)));
    }

    /// A core is busy for so long.
    pub fn busy(&mut self, core: usize, time: u64) {
        self.at(self.now + time, Event::Done(core));
    }

    /// A core begins to poll a connection, after something else that takes so long.
    pub fn poll(&mut self, core: usize, connection: usize, before: u64) -> Polling {
        self.busy(core, before + self.costs.poll + self.request);
        Polling { connection, left: BUDGET }
    }

    /// It has answered a request. Returns what it goes on with, or whether the connection has more to do.
    pub fn answered(&mut self, core: usize, polling: Polling) -> Result<Polling, bool> {
        let connection = &mut self.connections[polling.connection];
        let asked = connection.waiting.pop_front().expect("one is answered that was asked");
        let has_more = !connection.waiting.is_empty();
        if self.now >= self.begin {
            self.latencies.push(self.now - asked);
        }
        let left = polling.left - 1;
        if has_more && left > 0 {
            self.busy(core, self.request);
            return Ok(Polling { left, ..polling });
        }
        connection.is_noted = has_more;
        Err(has_more)
    }

    fn ask(&mut self, connection: usize) {
        let gap = self.connections[connection].gap;
        let next = self.now + self.numbers.gap(gap) as u64;
        self.at(next, Event::Asked(connection));
    }
}

/// Lets it run.
pub fn run(setup: &Setup, costs: &Costs) -> Outcome {
    let request = costs.request + setup.computing;
    let rate = setup.asked * setup.cores as f64 / request as f64;
    let parts = setup.load.parts(setup.connections, setup.cores, 0.5 / (setup.asked * setup.cores as f64));
    let mut world = World {
        now: 0,
        costs: *costs,
        connections: Vec::new(),
        numbers: Numbers::new(setup.seed),
        events: BinaryHeap::new(),
        number: 0,
        request,
        begin: setup.time / 10,
        latencies: Vec::new(),
        moves: 0,
    };
    for part in parts {
        let at = world.numbers.below(setup.cores);
        let gap = if part > 0.0 { 1.0 / (rate * part) } else { 0.0 };
        world.connections.push(Connection { at, gap, ..Connection::default() });
    }
    for connection in 0..setup.connections {
        if world.connections[connection].gap > 0.0 {
            world.ask(connection);
        }
    }
    let mut cores: Box<dyn Cores> = match setup.policy {
        Policy::Blind => Box::new(Loops::new(setup.cores, false)),
        Policy::Sharing => Box::new(Loops::new(setup.cores, true)),
        Policy::Stealing => Box::new(Thieves::new(setup.cores)),
    };
    let end = setup.time + world.begin;
    let mut moves_before = None;
    while let Some(Reverse((now, _, event))) = world.events.pop().filter(|it| it.0.0 < end) {
        world.now = now;
        if now >= world.begin {
            moves_before.get_or_insert(world.moves);
        }
        match event {
            Event::Asked(connection) => {
                world.ask(connection);
                let asked = &mut world.connections[connection];
                asked.waiting.push_back(now);
                if !std::mem::replace(&mut asked.is_noted, true) {
                    cores.asked(&mut world, connection);
                }
            }
            Event::Done(core) => cores.done(&mut world, core),
            Event::Come(core, message) => cores.come(&mut world, core, message),
        }
    }
    world.latencies.sort_unstable();
    let latencies = &world.latencies;
    let quantile = |part: f64| latencies.get((latencies.len() as f64 * part) as usize).copied().unwrap_or(0);
    let core_time = setup.time as f64 * setup.cores as f64;
    Outcome {
        answered: latencies.len() as f64 * request as f64 / core_time,
        p50: quantile(0.5),
        p99: quantile(0.99),
        moves: (world.moves - moves_before.unwrap_or(0)) as f64 * 1e9 / core_time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(policy: Policy, load: Load, cores: usize, asked: f64) -> Setup {
        let connections = 32 * cores;
        Setup { policy, load, cores, connections, computing: 20_000, asked, time: 100_000_000, seed: 3 }
    }

    const POLICIES: [Policy; 3] = [Policy::Blind, Policy::Sharing, Policy::Stealing];

    #[test]
    fn the_same_seed_gives_the_same() {
        for policy in POLICIES {
            let setup = setup(policy, Load::Zipf, 8, 0.8);
            assert_eq!(run(&setup, &Costs::ROUND), run(&setup, &Costs::ROUND), "{policy:?}");
            let other = Setup { seed: 4, ..setup };
            assert_ne!(run(&setup, &Costs::ROUND), run(&other, &Costs::ROUND), "{policy:?}");
        }
    }

    #[test]
    fn with_little_to_do_a_request_takes_what_it_costs_and_a_wake() {
        for policy in POLICIES {
            let outcome = run(&setup(policy, Load::Uniform, 8, 0.01), &Costs::ROUND);
            let alone = 30_000 + Costs::ROUND.wake + Costs::ROUND.turn + Costs::ROUND.poll;
            assert!(outcome.p50.abs_diff(alone) < 1_000, "{policy:?}: {outcome:?}");
            assert!((outcome.answered - 0.01).abs() < 0.002, "{policy:?}: {outcome:?}");
        }
    }

    #[test]
    fn what_is_asked_is_answered_where_there_is_time_for_it() {
        for policy in [Policy::Sharing, Policy::Stealing] {
            for load in [Load::Uniform, Load::Zipf] {
                let outcome = run(&setup(policy, load, 8, 0.7), &Costs::ROUND);
                assert!((outcome.answered - 0.7).abs() < 0.04, "{policy:?}, {load:?}: {outcome:?}");
            }
        }
    }

    #[test]
    fn hot_connections_on_one_core_stay_there_or_are_parted() {
        let answered = |policy| run(&setup(policy, Load::Hot, 8, 1.0), &Costs::ROUND).answered;
        // Eight connections on eight cores leave a third of these empty: (1 - 1/8)^8.
        let blind = answered(Policy::Blind);
        assert!((0.4..0.8).contains(&blind), "{blind}");
        assert!(answered(Policy::Sharing) > 0.93);
    }

    #[test]
    fn nothing_moves_where_nothing_waits() {
        let outcome = run(&setup(Policy::Sharing, Load::Uniform, 8, 0.01), &Costs::ROUND);
        assert_eq!(outcome.moves, 0.0);
        assert_eq!(run(&setup(Policy::Blind, Load::Hot, 8, 1.0), &Costs::ROUND).moves, 0.0);
    }

    #[test]
    fn a_connection_that_has_come_stays_for_a_while() {
        let outcome = run(&setup(Policy::Sharing, Load::Uniform, 8, 0.9), &Costs::ROUND);
        // 32 for each core, each at most once in ten milliseconds.
        assert!(outcome.moves > 0.0 && outcome.moves <= 3_200.0, "{outcome:?}");
    }
}
