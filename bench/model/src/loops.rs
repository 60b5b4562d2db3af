//! A loop on each core, with an epoll and a queue of its own, as in `runtime/src/core/turn.rs`.

use crate::share::Share;
use crate::world::{Cores, Event, Polling, World};
use std::collections::VecDeque;
use std::mem::take;

/// As in `turn.rs`.
const POLLS_PER_TURN: u32 = 61;
const POLLS_PER_LOOK: u32 = 16;

#[derive(Default)]
struct Core {
    queue: VecDeque<usize>,
    /// What its epoll has to tell.
    ready: Vec<usize>,
    /// What has come from other cores.
    inbox: Vec<usize>,
    /// Those that have more to do and let others go first.
    exhausted: Vec<usize>,
    polling: Option<Polling>,
    is_parked: bool,
    /// It has just been woken.
    was_parked: bool,
    /// Since the last turn, and in all.
    polls: u32,
    all_polls: u64,
    share: Share,
}

pub struct Loops {
    cores: Vec<Core>,
    /// Whose bit is set.
    idle: Vec<bool>,
    messages: Vec<Vec<usize>>,
    is_sharing: bool,
}

impl Loops {
    pub fn new(cores: usize, is_sharing: bool) -> Loops {
        let all = (0..cores).map(|_| Core { is_parked: true, ..Core::default() });
        Loops { cores: all.collect(), idle: vec![true; cores], messages: Vec::new(), is_sharing }
    }

    fn wake(&mut self, world: &mut World, core: usize) {
        if take(&mut self.cores[core].is_parked) {
            self.cores[core].was_parked = true;
            world.busy(core, world.costs.wake);
        }
    }

    /// What the epoll has to tell comes to the queue, and the core may give. Returns what that takes.
    fn turn(&mut self, world: &mut World, index: usize) -> u64 {
        let core = &mut self.cores[index];
        core.polls = 0;
        if core.queue.is_empty() && !take(&mut core.was_parked) {
            core.share.is_idle(world.now);
        }
        for more in [&mut core.ready, &mut core.inbox, &mut core.exhausted] {
            core.queue.extend(take(more));
        }
        world.costs.turn + if self.is_sharing { self.share(world, index) } else { 0 }
    }

    fn share(&mut self, world: &mut World, index: usize) -> u64 {
        let cores = self.cores.len();
        let idle = (index + 1..index + cores).map(|other| other % cores).find(|&other| self.idle[other]);
        let Core { share, queue, all_polls, .. } = &mut self.cores[index];
        let limit = share.take_turn(world.now, *all_polls, queue, idle.is_some());
        let Some(idle) = idle.filter(|_| limit > 0) else { return 0 };
        let stays = usize::from(queue.len() > 1);
        let mut kept: VecDeque<usize> = queue.drain(..stays).collect();
        let mut departed = Vec::new();
        for connection in queue.drain(..) {
            let it = &mut world.connections[connection];
            let has_stayed = it.since.is_none_or(|since| world.now - since >= Share::STAY);
            if departed.len() < limit && has_stayed {
                (it.at, it.since) = (idle, Some(world.now));
                departed.push(connection);
            } else {
                kept.push_back(connection);
            }
        }
        *queue = kept;
        if departed.is_empty() {
            self.cores[index].share.has_tried_in_vain(world.now);
            return 0;
        }
        self.idle[idle] = false;
        world.moves += departed.len() as u64;
        let time = world.costs.message + world.costs.moving * departed.len() as u64;
        self.messages.push(departed);
        world.at(world.now + time, Event::Come(idle, self.messages.len() - 1));
        time
    }
}

impl Cores for Loops {
    fn asked(&mut self, world: &mut World, connection: usize) {
        let at = world.connections[connection].at;
        self.cores[at].ready.push(connection);
        self.wake(world, at);
    }

    fn done(&mut self, world: &mut World, index: usize) {
        self.idle[index] = false;
        let core = &mut self.cores[index];
        if let Some(polling) = core.polling.take() {
            match world.answered(index, polling) {
                Ok(polling) => return core.polling = Some(polling),
                Err(true) => core.exhausted.push(polling.connection),
                Err(false) => {}
            }
        }
        if core.polls > 0 && core.polls.is_multiple_of(POLLS_PER_LOOK) {
            core.queue.extend(take(&mut core.exhausted));
        }
        let mut before = 0;
        if core.queue.is_empty() || core.polls == POLLS_PER_TURN {
            before = self.turn(world, index);
        }
        let core = &mut self.cores[index];
        if before > 0 {
            // It goes on when the turn is over.
            if core.queue.is_empty() && core.ready.is_empty() {
                (core.is_parked, self.idle[index]) = (true, true);
            } else {
                world.busy(index, before);
            }
            return;
        }
        let connection = core.queue.pop_front().expect("it is not empty");
        core.polls += 1;
        core.all_polls += 1;
        core.polling = Some(world.poll(index, connection, 0));
    }

    fn come(&mut self, world: &mut World, core: usize, message: usize) {
        self.cores[core].inbox.extend(take(&mut self.messages[message]));
        self.wake(world, core);
    }
}
