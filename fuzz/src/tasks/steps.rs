//! The steps of tasks, wakers and drops.
//!
//! `by` is `Some` in a poll: what it is polled with, and the number of the task, unless it is the root.

use super::actor::{Output, Planned, panic_as_planned};
use super::elsewhere::elsewhere;
use super::flag::flag;
use super::thing::{On, Thing};
use super::world::World;
use super::{RUNTIMES, drop_runtime};
use ayi::net::UnixStream;
use ayi::runtime::CancellationToken;
use ayi::runtime::Handle;
use ayi::task::{JoinHandle, JoinSet};
use ayi::time::{Duration, Instant, sleep};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::panicking;

type By<'a, 'b> = Option<(&'a mut Context<'b>, Option<usize>)>;

/// How deep foreign code may be nested within foreign code.
const MAX_DEPTH: u32 = 3;

/// Ends planned panics: a call of ayi may meet one, of a waker or a drop.
pub fn guard(world: &World, f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        world.require(panic.is::<Planned>(), || "a panic that was not planned".into());
    }
}

pub fn discard(thing: Thing) {
    let world = super::world().expect("things are of the main thread");
    match &thing {
        Thing::Join { of, .. } => world.joined_by(*of, None),
        Thing::Sleep { number, .. } | Thing::Wait { number, .. } => world.waits.polled(*number, None),
        _ => {}
    }
    guard(&world, || drop(thing));
}

/// A waker or a drop that the runtime calls.
pub fn foreign(world: &Rc<World>) {
    if world.depth.get() < MAX_DEPTH {
        world.depth.set(world.depth.get() + 1);
        step(world, None);
        world.depth.set(world.depth.get() - 1);
    }
}

pub fn maybe_panic(world: &World) {
    if world.choice(16) == 15 && !panicking() {
        panic_as_planned(world);
    }
}

pub fn step(world: &Rc<World>, by: By<'_, '_>) {
    guard(world, || match world.choice(16) {
        0 => {}
        1..4 => spawn(world),
        4 => make(world, by.is_some()),
        5 => world.take().into_iter().for_each(discard),
        6 => world.take().into_iter().for_each(|thing| discard_elsewhere(world, thing)),
        7 => {
            if let Some(thing) = world.take() {
                match world.any_task() {
                    Some(task) => world.hold(task, thing),
                    None => world.put(thing),
                }
            }
        }
        8 => drop_idle_runtime(world),
        _ => {
            if let Some(thing) = world.take() {
                act(world, by, thing);
            }
        }
    });
}

/// Drops a runtime that no `block_on` is in.
fn drop_idle_runtime(world: &World) {
    let place = &world.runtimes[world.choice(RUNTIMES)];
    let is_idle = place.borrow().as_ref().is_some_and(|runtime| Rc::strong_count(runtime) == 1);
    let runtime = if is_idle { place.take() } else { None };
    runtime.into_iter().for_each(|runtime| drop_runtime(world, runtime));
}

fn spawn(world: &World) {
    let way = world.choice(4);
    if let (0..3, Ok(current)) = (way, Handle::try_current()) {
        let Some(actor) = world.new_task(current.id()) else { return };
        let number = actor.number;
        return keep(world, number, ayi::spawn(actor));
    }
    let runtime = world.runtimes[world.choice(RUNTIMES)].borrow().clone();
    let Some(runtime) = runtime else { return };
    let Some(actor) = world.new_task(runtime.handle().id()) else { return };
    let number = actor.number;
    keep(world, number, runtime.spawn(actor));
}

fn spawn_by(world: &World, handle: Handle) {
    let Some(mut actor) = world.new_task(handle.id()) else { return };
    let (number, way) = (actor.number, world.choice(4));
    actor.is_awaited = way % 2 == 1;
    let spawned = match way {
        0 => handle.spawn(actor),
        1 => handle.spawn_with(move || actor),
        2 => elsewhere(move || handle.spawn(actor)).unwrap_or_else(|_| panic!("spawning does not panic")),
        _ => elsewhere(move || handle.spawn_with(move || actor))
            .unwrap_or_else(|_| panic!("spawning does not panic")),
    };
    keep(world, number, spawned);
}

fn keep(world: &World, of: usize, handle: JoinHandle<Output>) {
    world.name(of, handle.id());
    world.put(Thing::Join { of, handle });
}

fn make(world: &World, is_inside: bool) {
    let number = world.number();
    match world.choice(8) {
        0..3 if is_inside => {
            let sleep = Box::pin(sleep(duration(world)));
            world.put(Thing::Sleep { number, runtime: Handle::current().id(), sleep });
        }
        3 | 4 => {
            if let Ok((one, other)) = UnixStream::pair() {
                world.put(Thing::Stream { pair: number, side: false, stream: Arc::new(one) });
                world.put(Thing::Stream { pair: number, side: true, stream: Arc::new(other) });
            }
        }
        5 => {
            let number = world.waits.new_token(None);
            world.put(Thing::Token { number, token: CancellationToken::new() });
        }
        6 => world.put(Thing::Set(JoinSet::new())),
        _ => {
            let runtime = world.runtimes[world.choice(RUNTIMES)].borrow().clone();
            runtime.into_iter().for_each(|runtime| world.put(Thing::Handle(runtime.handle().clone())));
        }
    }
}

fn duration(world: &World) -> Duration {
    match world.choice(4) {
        0 => Duration::from_nanos(world.choice(4) as u64),
        1 => Duration::from_secs(1 << world.choice(24)),
        _ => Duration::from_micros(world.choice(64) as u64),
    }
}

fn discard_elsewhere(world: &World, thing: Thing) {
    match thing {
        // These cannot go there, and have no effect there.
        Thing::Set(_) | Thing::Abort { .. } => discard(thing),
        Thing::Join { of, handle } => {
            world.joined_by(of, None);
            let _ = elsewhere(move || drop(handle));
        }
        Thing::Sleep { number, sleep, .. } => {
            world.waits.polled(number, None);
            let _ = elsewhere(move || drop(sleep));
        }
        Thing::Wait { number, future, .. } => {
            world.waits.polled(number, None);
            let _ = elsewhere(move || drop(future));
        }
        Thing::Waker { waker, .. } => drop(elsewhere(move || drop(waker))),
        Thing::Stream { stream, .. } => drop(elsewhere(move || drop(stream))),
        Thing::Token { token, .. } => drop(elsewhere(move || drop(token))),
        Thing::Handle(handle) => drop(elsewhere(move || drop(handle))),
    }
}

/// Does something with a thing, and puts it back if it still exists.
fn act(world: &World, by: By<'_, '_>, thing: Thing) {
    match thing {
        Thing::Waker { of, waker } => wake(world, of, waker),
        Thing::Join { of, handle } => join(world, by, of, handle),
        Thing::Abort { of, handle } => {
            let here = world.choice(2) == 0;
            world.aborted(of, here);
            let again = handle.clone();
            world.put(Thing::Abort { of, handle });
            if here { again.abort() } else { drop(elsewhere(move || again.abort())) }
        }
        Thing::Stream { pair, side, stream } => stream_step(world, pair, side, stream),
        Thing::Token { number, token } => token_step(world, number, token),
        Thing::Set(set) => set_step(world, by, set),
        Thing::Handle(handle) => {
            spawn_by(world, handle.clone());
            world.put(Thing::Handle(handle));
        }
        // The remaining things are polled.
        thing => match by {
            Some((cx, task)) => poll(world, cx, task, thing),
            None => world.put(thing),
        },
    }
}

fn wake(world: &World, of: Option<usize>, waker: Waker) {
    of.into_iter().for_each(|task| world.woken(task));
    let way = world.choice(4);
    if way != 0 {
        world.put(Thing::Waker { of, waker: waker.clone() });
    }
    match way {
        0 | 1 => waker.wake(),
        2 => waker.wake_by_ref(),
        _ => drop(elsewhere(move || waker.wake())),
    }
}

/// Polls with the waker of the task, or with one that belongs to no task.
fn poll_with<R>(
    world: &World,
    cx: &mut Context<'_>,
    task: Option<usize>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> (Poll<R>, Option<usize>) {
    if world.choice(4) != 3 {
        return (poll(cx), task);
    }
    let waker = flag(world.live.another());
    let polled = poll(&mut Context::from_waker(&waker));
    // It is not dropped at the end of the function, where its panic would leak what is returned (rust-lang/rust#47949).
    guard(world, || drop(waker));
    (polled, None)
}

fn join(world: &World, by: By<'_, '_>, of: usize, mut handle: JoinHandle<Output>) {
    match (world.choice(8), by) {
        (0, _) => {
            world.aborted(of, true);
            handle.abort();
        }
        (1, _) => world.put(Thing::Abort { of, handle: handle.abort_handle() }),
        // The other thread asks.
        (2, _) => {
            let waker = flag(world.live.another());
            world.joined_by(of, None);
            let asked = elsewhere(move || {
                let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
                (polled, handle)
            });
            let Ok((polled, back)) = asked else { return };
            if let Poll::Ready(result) = polled {
                return world.joined(of, result);
            }
            handle = back;
        }
        (_, Some((cx, task))) => {
            let (polled, task) = poll_with(world, cx, task, |cx| Pin::new(&mut handle).poll(cx));
            if let Poll::Ready(result) = polled {
                return world.joined(of, result);
            }
            world.joined_by(of, task);
        }
        _ => {}
    }
    world.put(Thing::Join { of, handle });
}

fn poll(world: &World, cx: &mut Context<'_>, task: Option<usize>, thing: Thing) {
    match thing {
        Thing::Sleep { number, runtime, mut sleep } => {
            let current = Handle::current().id();
            // The times of two runtimes that stand still are independent.
            if runtime != current || world.choice(3) == 2 {
                // A task that waits is not woken by this, but when the timer fires.
                let deadline = Instant::now() + duration(world);
                world.waits.moved(number, deadline);
                sleep.as_mut().reset(deadline);
            }
            if runtime != current || world.choice(3) != 2 {
                let (polled, task) = poll_with(world, cx, task, |cx| sleep.as_mut().poll(cx));
                let deadline = sleep.deadline();
                if polled.is_ready() {
                    world.waits.polled(number, None);
                    return world.require(deadline <= Instant::now(), || "a sleep is early".into());
                }
                world.waits.polled(number, task.map(|task| (task, On::Time(deadline))));
            }
            world.put(Thing::Sleep { number, runtime: current, sleep });
        }
        Thing::Wait { number, on, mut future } => {
            let (polled, task) = poll_with(world, cx, task, |cx| future.as_mut().poll(cx));
            world.waits.polled(number, task.filter(|_| polled.is_pending()).map(|task| (task, on)));
            if polled.is_pending() {
                world.put(Thing::Wait { number, on, future });
            }
        }
        thing => world.put(thing),
    }
}

fn stream_step(world: &World, pair: usize, side: bool, stream: Arc<UnixStream>) {
    match world.choice(4) {
        0 => {
            if stream.try_write(b"tea").is_ok_and(|n| n > 0) {
                let other = On::Readable { pair, side: !side };
                world.waits.happens(|on| on == other);
            }
        }
        1 => drop(stream.try_read(&mut [0; 8])),
        _ => {
            let (number, stream) = (world.number(), stream.clone());
            let future = Box::pin(async move { drop(stream.readable().await) });
            world.put(Thing::Wait { number, on: On::Readable { pair, side }, future });
        }
    }
    world.put(Thing::Stream { pair, side, stream });
}

fn token_step(world: &World, number: usize, token: CancellationToken) {
    match world.choice(4) {
        0 => {
            let is_below = |on| matches!(on, On::Token(token) if world.waits.is_below(token, number));
            world.waits.happens(is_below);
            let again = token.clone();
            if world.choice(2) == 0 { again.cancel() } else { drop(elsewhere(move || again.cancel())) }
        }
        1 => {
            let child = world.waits.new_token(Some(number));
            world.put(Thing::Token { number: child, token: token.child_token() });
        }
        _ => {
            let future = Box::pin(token.clone().cancelled_owned());
            world.put(Thing::Wait { number: world.number(), on: On::Token(number), future });
        }
    }
    world.put(Thing::Token { number, token });
}

fn set_step(world: &World, by: By<'_, '_>, mut set: JoinSet<Output>) {
    match (world.choice(8), by) {
        (0..4, _) => {
            let actor = Handle::try_current().ok().and_then(|current| world.new_task(current.id()));
            if let Some(actor) = actor {
                let number = actor.number;
                world.is_of_set(number);
                let spawned = set.spawn(actor);
                world.name(number, spawned.id());
                world.put(Thing::Abort { of: number, handle: spawned });
            }
        }
        (4, _) => set.detach_all(),
        (_, Some((cx, task))) => {
            let (polled, _) = poll_with(world, cx, task, |cx| set.poll_join_next_with_id(cx));
            match polled {
                Poll::Ready(Some(Ok((id, output)))) => world.joined(world.number_of(id), Ok(output)),
                Poll::Ready(Some(Err(error))) => world.joined(world.number_of(error.id()), Err(error)),
                _ => {}
            }
        }
        _ => {}
    }
    world.put(Thing::Set(set));
}
