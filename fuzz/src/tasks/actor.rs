//! A task's future, which does at each poll what the input says, and its output.

use super::steps;
use super::thing::Thing;
use super::world;
use super::world::{End, Live, World};
use ayi::time::{Duration, Sleep, sleep};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::thread::panicking;

/// What is counted of a task on any thread.
#[derive(Default)]
pub struct Drops {
    pub future: AtomicU32,
    pub output: AtomicU32,
}

/// It is `Send`, so that it can be spawned from anywhere. Its things are in the world, by its number.
pub struct Actor {
    pub number: usize,
    pub drops: Arc<Drops>,
    pub live: Live,
    /// Whether it is awaited in an async block, which leaks the output if the future's drop panics after that
    /// (rust-lang/rust#47949).
    pub is_awaited: bool,
}

pub struct Output {
    pub number: usize,
    drops: Arc<Drops>,
    _live: Live,
}

/// The payload of all planned panics. They are raised without the panic hook, which would end the fuzzer.
pub struct Planned(#[expect(dead_code, reason = "it counts as long as it is there")] Live);

pub fn panic_as_planned(world: &World) -> ! {
    resume_unwind(Box::new(Planned(world.live.another())))
}

impl Future for Actor {
    type Output = Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        let Some(world) = world() else { panic!("polled on another thread") };
        let number = self.number;
        world.polled(number);
        for _ in 0..world.choice(4) {
            steps::step(&world, Some((cx, Some(number))));
        }
        let polled = self.result(&world, cx);
        world.poll_ends(number);
        polled
    }
}

impl Actor {
    fn result(&self, world: &World, cx: &mut Context<'_>) -> Poll<Output> {
        let number = self.number;
        match world.choice(8) {
            0 | 1 => {
                world.set_end(number, End::Completed);
                world.has_output(number);
                let (drops, _live) = (self.drops.clone(), self.live.another());
                Poll::Ready(Output { number, drops, _live })
            }
            2 => {
                world.set_end(number, End::Panicked);
                panic_as_planned(world);
            }
            3 => {
                world.woken(number);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            4 | 5 => {
                world.put(Thing::Waker { of: Some(number), waker: cx.waker().clone() });
                Poll::Pending
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let before = self.drops.future.fetch_add(1, Ordering::Relaxed);
        assert_eq!(before, 0, "a future is dropped twice");
        // It is on another thread only if its runtime has refused it.
        let Some(world) = world() else { return };
        world.future_dropped(self.number);
        world.take_held(self.number).into_iter().for_each(steps::discard);
        (0..world.choice(3)).for_each(|_| steps::foreign(&world));
        let would_leak = self.is_awaited && world.has_completed(self.number);
        if world.choice(16) == 15 && !panicking() && !would_leak {
            world.set_end(self.number, End::Panicked);
            panic_as_planned(&world);
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let before = self.drops.output.fetch_add(1, Ordering::Relaxed);
        assert_eq!(before, 0, "an output is dropped twice");
        let Some(world) = world() else { return };
        steps::foreign(&world);
        steps::maybe_panic(&world);
    }
}

/// What `block_on` runs: steps, for a limited time.
pub struct Root {
    limit: Pin<Box<Sleep>>,
    world: Rc<World>,
}

impl Root {
    pub fn new(limit: Duration) -> Root {
        Root { limit: Box::pin(sleep(limit)), world: world().expect("on the main thread") }
    }
}

impl Future for Root {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let world = self.world.clone();
        for _ in 0..world.choice(5) {
            steps::step(&world, Some((cx, None)));
        }
        match world.choice(8) {
            0 => return Poll::Ready(()),
            1 => cx.waker().wake_by_ref(),
            3 => world.put(Thing::Waker { of: None, waker: cx.waker().clone() }),
            _ => {}
        }
        self.limit.as_mut().poll(cx)
    }
}
