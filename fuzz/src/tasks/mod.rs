//! Tasks, and everything that can happen to them. An input is a program of steps. They are run by the main function
//! below, by the tasks themselves, and by wakers and drops that the runtime meets on its way.
//!
//! ```text
//!   main: make a runtime ──▶ block on steps ──▶ settle ──▶ drop it, with all that is left ──▶ …
//!   a step (`steps`): spawn, wake, abort, join, sleep, write, close, drop, … from anywhere:
//!       main, a poll, a future's drop, an output's drop, a foreign waker's wake and drop, another thread
//! ```
//!
//! The properties (`world` has the model):
//! - a task that was woken, or for which something happened that it waits for, is polled before time moves on
//!   ([`settle`]). A task that has ended is never polled, nor one that was aborted by its own thread;
//! - a future is dropped without having ended only if it was aborted or its runtime has ended;
//! - a JoinHandle returns how the task ended, once; sleeps are never early;
//! - futures, outputs, payloads of panics and foreign wakers are dropped once each;
//! - the runtime's figures are those of the model.
//!
//! Time stands still, and the other thread (`elsewhere`) is waited for at each step, so an input always does the same.

mod actor;
mod elsewhere;
mod flag;
mod steps;
mod thing;
mod world;

use actor::Root;
use ayi::runtime::{Builder, Runtime, UnhandledPanic};
use ayi::time::{Duration, sleep};
use std::cell::RefCell;
use std::rc::Rc;
use world::World;

/// The number of runtimes at a time.
const RUNTIMES: usize = 2;

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// Returns the world of the input that is being run, or `None` on the other thread, and when the input is over.
fn world() -> Option<Rc<World>> {
    WORLD.try_with(|world| world.borrow().clone()).ok().flatten()
}

pub fn run(data: &[u8]) {
    let world = Rc::new(World::new(data));
    WORLD.set(Some(world.clone()));
    while !world.is_over() {
        step(&world);
    }
    for place in 0..RUNTIMES {
        settle(&world, place);
    }
    end(&world);
    WORLD.set(None);
    world.report();
}

fn step(world: &Rc<World>) {
    let place = world.choice(RUNTIMES);
    match world.choice(10) {
        0 => start(world, place),
        1 => end_runtime(world, place),
        2 | 3 => settle(world, place),
        4 => (0..world.choice(4)).for_each(|_| steps::step(world, None)),
        _ => block_on(world, place),
    }
}

/// Starts a fresh runtime. The previous one is dropped after the new one was made, so both exist for a moment.
fn start(world: &Rc<World>, place: usize) {
    let mut builder = Builder::new_current_thread();
    builder.start_paused(true).unhandled_panic(UnhandledPanic::Ignore);
    if world.choice(2) == 1 {
        builder.event_interval(1 + world.choice(5) as u32);
    }
    let runtime = Rc::new(builder.build().expect("there are descriptors left"));
    let before = world.runtimes[place].replace(Some(runtime));
    if let Some(before) = before {
        drop_runtime(world, before);
    }
}

fn end_runtime(world: &Rc<World>, place: usize) {
    if let Some(runtime) = world.runtimes[place].take() {
        drop_runtime(world, runtime);
    }
}

fn drop_runtime(world: &World, runtime: Rc<Runtime>) {
    let id = runtime.handle().id();
    world.ends(id);
    let runtime = Rc::into_inner(runtime).expect("nobody else keeps it");
    let metrics = runtime.metrics();
    drop(runtime);
    world.ended(id);
    world.require(metrics.num_alive_tasks() == 0, || "a runtime has ended, and tasks of it are alive".into());
}

fn runtime(world: &Rc<World>, place: usize) -> Rc<Runtime> {
    if world.runtimes[place].borrow().is_none() {
        start(world, place);
    }
    world.runtimes[place].borrow().clone().expect("it was started")
}

fn block_on(world: &Rc<World>, place: usize) {
    let runtime = runtime(world, place);
    let limit = Duration::from_micros(1 + world.choice(200) as u64);
    runtime.block_on(async { Root::new(limit).await });
}

/// Runs until nothing is left to do except wait, and checks whether everything has been done.
fn settle(world: &Rc<World>, place: usize) {
    let runtime = runtime(world, place);
    let id = runtime.handle().id();
    runtime.block_on(async {
        sleep(Duration::from_nanos(1)).await;
        let due = world.due(id);
        // Time moves on only when there is nothing else to do.
        sleep(Duration::from_nanos(1)).await;
        world.check_due(&due);
    });
    let metrics = runtime.metrics();
    let (alive, spawned) = world.count(id);
    world.require(metrics.num_alive_tasks() == alive, || {
        format!("{} tasks are alive, and {} say so", alive, metrics.num_alive_tasks())
    });
    world.require(metrics.spawned_tasks_count() == spawned, || {
        format!("{} tasks were spawned, and it says {}", spawned, metrics.spawned_tasks_count())
    });
}

/// Drops everything, in an order that the input decides, and checks whether everything is gone.
fn end(world: &Rc<World>) {
    if world.choice(2) == 0 {
        world.clear();
    }
    for place in 0..RUNTIMES {
        end_runtime(world, place);
    }
    // What is dropped may leave something behind, or start a runtime's task. This comes to an end, because the input is
    // used up.
    world.clear();
    world.check_end();
}
