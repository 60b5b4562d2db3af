//! Files from the page cache, where the runtime's way to them costs, and not the disk.
//!
//! Besides tokio's `File` there is tokio with std's calls on its pool. monoio on epoll has no files of its own. smol's
//! `File` reads ahead, far more than a random read wants, so it does not take part in those.

mod access;
mod beside;
mod contents;
mod place;
mod raw;
mod runs;

use crate::groups::{AYI, Figure, POOL, RAW_RING, Rounds, STD, Side, Size, TOKIO, Unit, Whom, Work};
use crate::runtimes::{Ayi, Compio, Glommio, MonoioUring, Smol, Tokio};
use access::TokioPool;
use beside::Cores;
use contents::PIECES_OF_MIB;
use place::Place;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use std::{fs, io, thread};

/// A function that does so many operations with the file or the folder at this path, and returns how long they took.
type Timed = fn(&Path, u32) -> io::Result<Duration>;

/// A function that copies the file at the first path to the second.
type Copier = fn(&Path, &Path) -> io::Result<Duration>;

/// A function that measures several things alongside reads of this file.
type Beside = fn(&Path, Cores) -> io::Result<Vec<f64>>;

/// What is written, and copied, in MiB. It is not more than the kernel keeps to itself for a while; otherwise the
/// disk's speed would be measured.
const LARGE: Size = Size::Scaled { full: 512, quick: 256 };
const AS_GOOD_AS_ANY: &[(Whom, f64)] = &[(Whom::Tokio, 1.0), (Whom::Others, 1.0)];
const SMALL_FILES: Size = Size::Scaled { full: 10_000, quick: 2_000 };

/// Runs `run` on a thread of its own: some runtimes leave something behind there, and some panic if the system refuses
/// them what they need.
fn on_a_thread<T: Send + 'static>(run: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    thread::spawn(run).join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref().copied()).unwrap_or("of another type");
        Err(io::Error::other(format!("a panic: {text}")))
    })
}

/// Runs `run` and removes what it leaves behind, in any case. That should be a file of so many pieces.
fn into_new_file(
    to: PathBuf,
    pieces: u32,
    run: impl FnOnce(&Path) -> io::Result<Duration>,
) -> io::Result<Duration> {
    let result = run(&to).and_then(|time| contents::check_pieces(&to, pieces.into()).map(|()| time));
    let _ = fs::remove_file(&to);
    result
}

fn work(
    name: &str,
    size: Size,
    rounds: Rounds,
    goals: &[(Whom, f64)],
    sides: impl IntoIterator<Item = Side>,
) -> Work {
    let figures = vec![Figure::new("time", Unit::Nanoseconds, goals)];
    Work { name: name.into(), size, rounds, figures, sides: sides.into_iter().collect() }
}

fn per_operation(time: Duration, n: u32) -> Vec<f64> {
    vec![time.as_secs_f64() * 1e9 / f64::from(n)]
}

pub fn works() -> Vec<Work> {
    let place = Rc::new(Place::default());
    let [one, many] = random_reads(&place);
    vec![
        one,
        many,
        write(&place),
        small(&place),
        copy(&place),
        beside(&place, "echo beside 8 tasks that read 256 KiB without end", Cores::All),
        beside(&place, "the same, all on one core", Cores::First),
    ]
}

fn random_reads(place: &Rc<Place>) -> [Work; 2] {
    let side = |(runtime, run): (&'static str, Timed)| {
        let place = place.clone();
        Side::new(runtime, move |n| {
            let path = place.cached()?;
            Ok(per_operation(on_a_thread(move || run(&path, n))?, n))
        })
    };
    let without = [(STD, runs::read_std as Timed), (RAW_RING, raw::read::<1>)];
    [
        work(
            "4 KiB from the cache, one at a time",
            Size::Any(16),
            Rounds::Many,
            &[(Whom::Tokio, 20.0), (Whom::Pool, 10.0), (Whom::Raw, 0.67)],
            read_by::<1>().into_iter().chain(without).map(side),
        ),
        work(
            "4 KiB from the cache, 64 at a time",
            Size::Any(1_024),
            Rounds::Many,
            &[(Whom::Tokio, 20.0), (Whom::Pool, 10.0), (Whom::Raw, 0.77)],
            read_by::<64>().into_iter().chain([(RAW_RING, raw::read::<64> as Timed)]).map(side),
        ),
    ]
}

/// Returns every runtime that reads at random, by so many tasks.
fn read_by<const TASKS: u32>() -> [(&'static str, Timed); 6] {
    [
        (AYI, runs::read::<Ayi, TASKS>),
        (TOKIO, runs::read::<Tokio, TASKS>),
        ("monoio io_uring", runs::read::<MonoioUring, TASKS>),
        ("glommio", runs::read::<Glommio, TASKS>),
        ("compio", runs::read::<Compio, TASKS>),
        (POOL, runs::read::<TokioPool, TASKS>),
    ]
}

fn write(place: &Rc<Place>) -> Work {
    let side = |(runtime, run): (&'static str, Timed)| {
        let place = place.clone();
        Side::new(runtime, move |n| {
            let (to, pieces) = (place.path("written")?, n * PIECES_OF_MIB);
            let time = on_a_thread(move || into_new_file(to, pieces, |to| run(to, pieces)))?;
            Ok(per_operation(time, pieces))
        })
    };
    let sides = [
        (AYI, runs::write::<Ayi> as Timed),
        (TOKIO, runs::write::<Tokio>),
        ("smol", runs::write::<Smol>),
        ("monoio io_uring", runs::write::<MonoioUring>),
        ("glommio", runs::write::<Glommio>),
        ("compio", runs::write::<Compio>),
        (POOL, runs::write::<TokioPool>),
        (STD, runs::write_std),
        (RAW_RING, raw::write),
    ];
    work("64 KiB written, one after the other", LARGE, Rounds::Some, AS_GOOD_AS_ANY, sides.map(side))
}

fn small(place: &Rc<Place>) -> Work {
    let side = |(runtime, run): (&'static str, Timed)| {
        let place = place.clone();
        Side::new(runtime, move |n| {
            let path = place.small(n)?;
            Ok(per_operation(on_a_thread(move || run(&path, n))?, n))
        })
    };
    let sides = [
        (AYI, runs::read_small::<Ayi> as Timed),
        (TOKIO, runs::read_small::<Tokio>),
        ("smol", runs::read_small::<Smol>),
        ("monoio io_uring", runs::read_small::<MonoioUring>),
        ("glommio", runs::read_small::<Glommio>),
        ("compio", runs::read_small::<Compio>),
        (STD, runs::read_small_std),
    ];
    let name = "a file of 3,000 bytes, read as a whole";
    work(name, SMALL_FILES, Rounds::Some, AS_GOOD_AS_ANY, sides.map(side))
}

/// Copies on the runtimes that can copy a file as a whole.
fn copy(place: &Rc<Place>) -> Work {
    let side = |(runtime, run): (&'static str, Copier)| {
        let place = place.clone();
        Side::new(runtime, move |n| {
            let (from, to) = (place.large(n)?, place.path("copied")?);
            let time = on_a_thread(move || into_new_file(to, n * PIECES_OF_MIB, |to| run(&from, to)))?;
            Ok(per_operation(time, n))
        })
    };
    let sides = [
        (AYI, runs::copy_ayi as Copier),
        (TOKIO, runs::copy_tokio),
        ("smol", runs::copy_smol),
        (STD, runs::copy_std),
    ];
    work("1 MiB copied, of a large file", LARGE, Rounds::Some, AS_GOOD_AS_ANY, sides.map(side))
}

fn beside(place: &Rc<Place>, name: &str, cores: Cores) -> Work {
    let side = |(runtime, run): (&'static str, Beside)| {
        let place = place.clone();
        Side::new(runtime, move |_| {
            let path = place.cached()?;
            on_a_thread(move || run(&path, cores))
        })
    };
    let figures = vec![
        Figure::new("p50", Unit::Nanoseconds, &[]),
        Figure::new("p99.9", Unit::Nanoseconds, &[(Whom::Tokio, 1.0)]),
        Figure::new("reads meanwhile", Unit::PerSecond, &[]),
    ];
    let sides = [(AYI, beside::on_ayi as Beside), (TOKIO, beside::on_tokio)].map(side).into();
    Work { name: name.into(), size: Size::Fixed(1), rounds: Rounds::Some, figures, sides }
}
