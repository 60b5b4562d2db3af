//! Files: from the page cache, where the way there is what costs, and not the disk.
//!
//! Beside tokio's `File` there is tokio with std's calls on its pool; monoio on epoll has no files of its own.
//! smol's `File` reads ahead, far more than a random read wants, so it is no part of those.

mod access;
mod beside;
mod contents;
mod raw;
mod runs;

use crate::builds::Folder;
use crate::groups::{AYI, Figure, POOL, RAW_RING, Rounds, STD, Side, Size, TOKIO, Unit, Whom, Work};
use crate::runtimes::{Ayi, Compio, Glommio, MonoioUring, Smol, Tokio};
use access::TokioPool;
use beside::Cores;
use contents::{BLOCK, BLOCKS, PIECE};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use std::{env, fs, io, process, thread};

/// A function that does so many operations with the file or the folder at this path, and says how long they took.
type Timed = fn(&Path, u32) -> io::Result<Duration>;

/// One that copies the first to the second.
type Copy = fn(&Path, &Path) -> io::Result<Duration>;

/// One that measures several things beside reads of this file, by so many questions.
type Beside = fn(&Path, Cores, u32) -> io::Result<Vec<f64>>;

const MIB: u32 = 1 << 20;
const PIECES_OF_MIB: u32 = MIB / PIECE as u32;

/// What is written, and copied, in MiB. (Not more than the kernel keeps to itself for a while: else the disk's speed is
/// measured.)
const LARGE: Size = Size::Scaled { full: 512, quick: 256 };
const SMALL_FILES: Size = Size::Scaled { full: 10_000, quick: 2_000 };

/// The folder of all files, and those in it that are only read. Each is made when it is first wanted; the folder is
/// gone when this is dropped.
#[derive(Default)]
struct Place {
    folder: OnceCell<Folder>,
    cached: OnceCell<()>,
    small: OnceCell<()>,
    large: OnceCell<()>,
}

impl Place {
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        if self.folder.get().is_none() {
            let folder = Folder(env::temp_dir().join(format!("ayi-bench-{}-files", process::id())));
            fs::create_dir_all(&folder.0)?;
            let _ = self.folder.set(folder);
        }
        Ok(self.folder.get().expect("it has just been made").0.join(name))
    }

    /// The file that is read at random.
    fn cached(&self) -> io::Result<PathBuf> {
        let path = self.path("cached")?;
        if self.cached.get().is_none() {
            contents::make(&path, BLOCKS, BLOCK)?;
            // Nothing is left for the disk to do.
            fs::File::open(&path)?.sync_all()?;
            let _ = self.cached.set(());
        }
        Ok(path)
    }

    /// The folder of `n` small files.
    fn small(&self, n: u32) -> io::Result<PathBuf> {
        let path = self.path("small")?;
        if self.small.get().is_none() {
            fs::create_dir_all(&path)?;
            for number in 0..n {
                let mut bytes = [b'.'; runs::SMALL];
                contents::set_number(&mut bytes, number.into());
                fs::write(runs::small(&path, number), bytes)?;
            }
            let _ = self.small.set(());
        }
        Ok(path)
    }

    /// A file of so many MiB.
    fn large(&self, n: u32) -> io::Result<PathBuf> {
        let path = self.path("large")?;
        if self.large.get().is_none() {
            contents::make(&path, (n * PIECES_OF_MIB).into(), PIECE)?;
            fs::File::open(&path)?.sync_all()?;
            let _ = self.large.set(());
        }
        Ok(path)
    }
}

/// Runs `run` on a thread of its own: some runtimes leave something behind there, and some panic if the system refuses
/// them what they need.
fn on_a_thread<T: Send + 'static>(run: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    thread::spawn(run).join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref().copied()).unwrap_or("of another type");
        Err(io::Error::other(format!("a panic: {text}")))
    })
}

/// What is left behind by `run` is removed, in any case. It is to be a file of so many pieces.
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
    asked: &[(Whom, f64)],
    sides: impl IntoIterator<Item = Side>,
) -> Work {
    let figures = vec![Figure::new("time", Unit::Nanoseconds, asked)];
    Work { name: name.into(), size, rounds, figures, sides: sides.into_iter().collect() }
}

fn per_operation(time: Duration, n: u32) -> Vec<f64> {
    vec![time.as_secs_f64() * 1e9 / f64::from(n)]
}

pub fn works() -> Vec<Work> {
    let place = Rc::new(Place::default());
    let random = |(runtime, run): (&'static str, Timed)| {
        let place = place.clone();
        Side::new(runtime, move |n| {
            let path = place.cached()?;
            Ok(per_operation(on_a_thread(move || run(&path, n))?, n))
        })
    };
    let small = |(runtime, run): (&'static str, Timed)| {
        let place = place.clone();
        Side::new(runtime, move |n| {
            let path = place.small(n)?;
            Ok(per_operation(on_a_thread(move || run(&path, n))?, n))
        })
    };
    let write = |(runtime, run): (&'static str, Timed)| {
        let place = place.clone();
        Side::new(runtime, move |n| {
            let (to, pieces) = (place.path("written")?, n * PIECES_OF_MIB);
            let time = on_a_thread(move || into_new_file(to, pieces, |to| run(to, pieces)))?;
            Ok(per_operation(time, pieces))
        })
    };
    let copy = |(runtime, run): (&'static str, Copy)| {
        let place = place.clone();
        Side::new(runtime, move |n| {
            let (from, to) = (place.large(n)?, place.path("copied")?);
            let time = on_a_thread(move || into_new_file(to, n * PIECES_OF_MIB, |to| run(&from, to)))?;
            Ok(per_operation(time, n))
        })
    };
    let beside = |name: &str, cores, size, rounds| {
        let side = |(runtime, run): (&'static str, Beside)| {
            let place = place.clone();
            Side::new(runtime, move |n| {
                let path = place.cached()?;
                on_a_thread(move || run(&path, cores, n))
            })
        };
        let figures = vec![
            Figure::new("p50", Unit::Nanoseconds, &[]),
            Figure::new("p99.9", Unit::Nanoseconds, &[(Whom::Tokio, 1.0)]),
            Figure::new("reads meanwhile", Unit::PerSecond, &[]),
        ];
        let sides = [(AYI, beside::on_ayi as Beside), (TOKIO, beside::on_tokio)].map(side).into();
        Work { name: name.into(), size, rounds, figures, sides }
    };
    let as_good_as_any = &[(Whom::Tokio, 1.0), (Whom::Others, 1.0)];
    vec![
        work(
            "4 KiB from the cache, one at a time",
            Size::Any(16),
            Rounds::Many,
            &[(Whom::Tokio, 20.0), (Whom::Pool, 10.0), (Whom::Raw, 0.67)],
            read_sides::<1>()
                .into_iter()
                .chain([(STD, runs::read_std as Timed), (RAW_RING, raw::read::<1>)])
                .map(random),
        ),
        work(
            "4 KiB from the cache, 64 at a time",
            Size::Any(1_024),
            Rounds::Many,
            &[(Whom::Tokio, 20.0), (Whom::Pool, 10.0), (Whom::Raw, 0.77)],
            read_sides::<64>().into_iter().chain([(RAW_RING, raw::read::<64> as Timed)]).map(random),
        ),
        work(
            "64 KiB written",
            LARGE,
            Rounds::Some,
            as_good_as_any,
            [
                (AYI, runs::write::<Ayi> as Timed),
                (TOKIO, runs::write::<Tokio>),
                ("smol", runs::write::<Smol>),
                ("monoio io_uring", runs::write::<MonoioUring>),
                ("glommio", runs::write::<Glommio>),
                ("compio", runs::write::<Compio>),
                (POOL, runs::write::<TokioPool>),
                (STD, runs::write_std),
                (RAW_RING, raw::write),
            ]
            .map(write),
        ),
        work(
            "a file of 3,000 bytes, read as a whole",
            SMALL_FILES,
            Rounds::Some,
            as_good_as_any,
            [
                (AYI, runs::read_small::<Ayi> as Timed),
                (TOKIO, runs::read_small::<Tokio>),
                ("smol", runs::read_small::<Smol>),
                ("monoio io_uring", runs::read_small::<MonoioUring>),
                ("glommio", runs::read_small::<Glommio>),
                ("compio", runs::read_small::<Compio>),
                (STD, runs::read_small_std),
            ]
            .map(small),
        ),
        work(
            "1 MiB copied",
            LARGE,
            Rounds::Some,
            as_good_as_any,
            [
                (AYI, runs::copy_ayi as Copy),
                (TOKIO, runs::copy_tokio),
                ("smol", runs::copy_smol),
                (STD, runs::copy_std),
            ]
            .map(copy),
        ),
        beside(
            "echo beside 8 tasks that read 256 KiB without end",
            Cores::All,
            Size::Scaled { full: 2_000, quick: 1_000 },
            Rounds::Some,
        ),
        beside(
            "the same, all on one core",
            Cores::First,
            Size::Scaled { full: 1_000, quick: 1_000 },
            Rounds::Few,
        ),
    ]
}

/// Everybody that reads at random, by so many tasks.
fn read_sides<const TASKS: u32>() -> [(&'static str, Timed); 6] {
    [
        (AYI, runs::read::<Ayi, TASKS>),
        (TOKIO, runs::read::<Tokio, TASKS>),
        ("monoio io_uring", runs::read::<MonoioUring, TASKS>),
        ("glommio", runs::read::<Glommio, TASKS>),
        ("compio", runs::read::<Compio, TASKS>),
        (POOL, runs::read::<TokioPool, TASKS>),
    ]
}
