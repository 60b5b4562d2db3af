//! Workers that steal, as in tokio's `runtime/scheduler/multi_thread`: a queue for each, one epoll for all, in which one
//! of those that have nothing to do waits. The others of these sleep apart.
//!
//! A worker that finds more than one task wakes another, unless somebody searches already. Who searches takes half of a
//! queue, and if it was the last one that searched, wakes the next. A worker looks into the epoll after 61 polls, and when
//! it has nothing to do.

use crate::world::{Cores, Polling, World};
use std::collections::VecDeque;
use std::mem::take;

const POLLS_PER_TURN: u32 = 61;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Runs,
    Searches,
    Sleeps,
}

struct Worker {
    queue: VecDeque<usize>,
    polling: Option<Polling>,
    state: State,
    polls: u32,
}

pub struct Thieves {
    workers: Vec<Worker>,
    /// What the epoll has to tell.
    ready: Vec<usize>,
    /// Who waits in the epoll.
    driver: Option<usize>,
    searching: usize,
}

impl Thieves {
    pub fn new(workers: usize) -> Thieves {
        let worker = |_| Worker { queue: VecDeque::new(), polling: None, state: State::Sleeps, polls: 0 };
        Thieves {
            workers: (0..workers).map(worker).collect(),
            ready: Vec::new(),
            driver: Some(0),
            searching: 0,
        }
    }

    /// Wakes one that sleeps, unless somebody searches. Returns what that takes.
    fn notify(&mut self, world: &mut World) -> u64 {
        if self.searching > 0 {
            return 0;
        }
        let Some(sleeper) = self.workers.iter().rposition(|worker| worker.state == State::Sleeps) else {
            return 0;
        };
        if self.driver == Some(sleeper) {
            self.driver = None;
        }
        self.searching += 1;
        self.workers[sleeper].state = State::Searches;
        world.busy(sleeper, world.costs.wake);
        world.costs.message
    }

    /// Takes what the epoll has to tell, if nobody waits there. Returns what that takes.
    fn look(&mut self, world: &mut World, index: usize) -> u64 {
        if self.driver.is_some() {
            return 0;
        }
        let queue = &mut self.workers[index].queue;
        queue.extend(take(&mut self.ready));
        let more = if queue.len() > 1 { self.notify(world) } else { 0 };
        world.costs.turn + more
    }

    /// Takes half of what somebody has. Returns the connection to go on with, and how long that took.
    fn steal(&mut self, world: &mut World, index: usize) -> Option<(usize, u64)> {
        let (number, first) = (self.workers.len(), world.numbers.below(self.workers.len()));
        let others = (first..first + number).map(|victim| victim % number).filter(|&victim| victim != index);
        let victim = others.into_iter().find(|&victim| !self.workers[victim].queue.is_empty())?;
        let queue = &mut self.workers[victim].queue;
        let half = queue.len().div_ceil(2);
        let mut stolen: Vec<usize> = queue.drain(..half).collect();
        world.moves += half as u64;
        let next = stolen.pop()?;
        self.workers[index].queue.extend(stolen);
        Some((next, world.costs.stealing * half as u64))
    }

    fn stop_searching(&mut self, index: usize) -> bool {
        let was_searching = self.workers[index].state == State::Searches;
        if was_searching {
            self.searching -= 1;
        }
        self.workers[index].state = State::Runs;
        was_searching && self.searching == 0
    }
}

impl Cores for Thieves {
    fn asked(&mut self, world: &mut World, connection: usize) {
        self.ready.push(connection);
        if let Some(driver) = self.driver.take() {
            self.workers[driver].state = State::Runs;
            world.busy(driver, world.costs.wake);
        }
    }

    fn done(&mut self, world: &mut World, index: usize) {
        let worker = &mut self.workers[index];
        if let Some(polling) = worker.polling.take() {
            match world.answered(index, polling) {
                Ok(polling) => return worker.polling = Some(polling),
                Err(true) => {
                    worker.queue.push_back(polling.connection);
                    self.notify(world);
                }
                Err(false) => {}
            }
        }
        let worker = &mut self.workers[index];
        if worker.polls == POLLS_PER_TURN {
            worker.polls = 0;
            let time = self.look(world, index);
            return world.busy(index, time);
        }
        if let Some(connection) = worker.queue.pop_front() {
            worker.polls += 1;
            worker.polling = Some(world.poll(index, connection, 0));
            return;
        }
        // Events first, then the queues of others, if not too many search.
        worker.polls = 0;
        let looked = self.look(world, index);
        if !self.workers[index].queue.is_empty() {
            self.stop_searching(index);
            return world.busy(index, looked);
        }
        let may_search =
            self.workers[index].state == State::Searches || 2 * self.searching < self.workers.len();
        let stolen = if may_search { self.steal(world, index) } else { None };
        if let Some((next, time)) = stolen {
            let more = if self.stop_searching(index) { self.notify(world) } else { 0 };
            let worker = &mut self.workers[index];
            worker.polls += 1;
            worker.polling = Some(world.poll(index, next, looked + time + more));
            return;
        }
        self.stop_searching(index);
        self.workers[index].state = State::Sleeps;
        if self.driver.is_none() {
            self.driver = Some(index);
        }
    }

    fn come(&mut self, _: &mut World, _: usize, _: usize) {
        unreachable!("thieves send no messages");
    }
}
