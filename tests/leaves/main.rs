//! Everything that can be awaited gives way, even in a loop in which it is always ready.
//!
//! Each leaf of the public API, that is, each future, `async fn` and `poll_…` function, is awaited in a loop that never
//! waits by itself, and another task has to run meanwhile. The `api.txt` of each crate lists its leaves. One that is
//! neither tried here nor explained in `EXCEPTIONS` fails the test, by name.
//!
//! The test is apart from `tests/it` because it is one program: it tries all leaves, and compares at the end.

#[path = "../support/mod.rs"]
mod support;

mod channels;
mod files;
mod memory;
mod runtime;
mod sockets;
mod sync;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use support::{Boxed, run};

/// The items that cannot stand in such a loop, or are no leaves, and why. An entry that ends with `:` or `_` stands for
/// everything that begins with it.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("Future for ayi::task::TaskLocalFuture", "it is the future in it, with a value around each poll"),
    ("Future for ayi_runtime::task::coop::Unconstrained", "it is there to take the limit off"),
    ("ayi::task::LocalSet::run_until", "it is the future in it"),
    ("Future for ayi_runtime::io::uring::Operation", "files are made of it; a completion comes with a turn"),
    ("ayi_runtime::runtime::shutdown", "it ends all other tasks, and the one that would have to run"),
    ("ayi_process::signal::ctrl_c", "it waits for a signal that comes after its first poll"),
    (
        "ayi_process::stdio::",
        "which way they go depends on the tests' own: a socket's, a pipe's or a call on the pool",
    ),
    ("ayi_serve::", "a server is made of the leaves of its connections"),
    ("IntoFuture for ayi_serve::Serve", "a server is made of the leaves of its connections"),
    ("ayi_hyper::Io::", "it passes on what the stream in it does"),
    ("ayi_io::FuturesIo::", "it passes on what the stream in it does"),
    ("ayi_io::AsyncBufRead::", "a trait's: those who implement it are tried"),
    ("ayi_io::AsyncRead::", "a trait's: those who implement it are tried"),
    ("ayi_io::AsyncSeek::", "a trait's: those who implement it are tried"),
    ("ayi_io::AsyncWrite::", "a trait's: those who implement it are tried"),
    ("&[u8]::poll_", "std's memory charges nothing by itself; the methods of the extension traits do"),
    ("alloc::", "std's memory charges nothing by itself; the methods of the extension traits do"),
    ("std::io::cursor::", "std's memory charges nothing by itself; the methods of the extension traits do"),
    ("&mut T::", "it is the stream behind it"),
    (
        "ayi_io::BufReader::",
        "what is in its buffer costs nothing; the methods of the extension traits charge",
    ),
    (
        "ayi_io::BufStream::",
        "what is in its buffer costs nothing; the methods of the extension traits charge",
    ),
    (
        "ayi_io::BufWriter::",
        "what is in its buffer costs nothing; the methods of the extension traits charge",
    ),
    ("ayi_io::Chain::", "it is the two readers"),
    ("ayi_io::Join::", "it is the reader and the writer"),
    ("ayi_io::Take::", "it is the reader behind it"),
    ("core::pin::Pin::", "it is the stream behind it"),
    ("ayi_io::Empty::poll_fill_buf", "who asks again for what is there must get it; `fill_buf` is charged"),
];

/// Those of a writer with nothing to write. The futures `flush` and `close` are tried, and charge.
const DONE_AT_ONCE: &[&str] = &["::poll_flush", "::poll_close", "::poll_shutdown"];

/// In seconds.
const PATIENCE: u64 = 20;

/// The leaves that have been tried.
#[derive(Default)]
pub struct Leaves {
    tried: BTreeSet<String>,
    failed: Vec<String>,
}

impl Leaves {
    /// They are of a feature that is off.
    pub fn are_left_out(&mut self, names: &[&str]) {
        self.tried.extend(names.iter().map(|name| name.to_string()));
    }

    /// Awaits `leaf` in a loop, in a task, until another task has run, and until it has been ready three times.
    pub async fn gives_way(&mut self, names: &[&str], mut leaf: impl AsyncFnMut() + 'static) {
        let (rounds, has_run) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let (counter, others) = (rounds.clone(), has_run.clone());
        let busy = async move {
            // The budget has 128 operations, of which some take two polls.
            while others.get() || counter.get() < 2 * 129 {
                leaf().await;
                counter.set(counter.get() + 1);
            }
        };
        self.runs_beside_others(names, Box::pin(busy), rounds, has_run).await;
    }

    async fn runs_beside_others(
        &mut self,
        names: &[&str],
        busy: Boxed<'static, ()>,
        rounds: Rc<Cell<i32>>,
        has_run: Rc<Cell<bool>>,
    ) {
        self.tried.extend(names.iter().map(|name| name.to_string()));
        let name = names[0];
        let busy = ayi::spawn(busy);
        ayi::task::yield_now().await;
        has_run.set(true);
        let is_ready = ayi::time::timeout(ayi::time::Duration::from_secs(PATIENCE), async {
            while rounds.get() < 3 && !busy.is_finished() {
                ayi::task::yield_now().await;
            }
        });
        if is_ready.await.is_err() {
            self.failed.push(format!("{name}: it is ready {} times, and then it waits", rounds.get()));
        }
        busy.abort();
        // It is awaited, so that it ends before the next one needs descriptors.
        match busy.await {
            Ok(()) => self.failed.push(name.to_owned()),
            Err(error) if error.is_panic() => panic!("{name}: {error}"),
            Err(_) => {}
        }
    }
}

/// Returns the line without what stands in angle brackets.
fn without_generics(line: &str) -> String {
    let (mut text, mut depth, mut before) = (String::new(), 0, ' ');
    for char in line.chars() {
        match char {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ if depth == 0 => text.push(char),
            _ => {}
        }
        before = char;
    }
    text
}

/// Returns the public API of the façade and of the crates behind it, one item a line.
fn api() -> String {
    let crates = ["", "runtime/", "io/", "sync/", "net/", "fs/", "process/", "hyper/", "serve/"];
    let path = |folder| format!("{}/{folder}api.txt", env!("CARGO_MANIFEST_DIR"));
    crates.map(|folder| std::fs::read_to_string(path(folder)).unwrap()).concat()
}

/// Returns the name of the leaf that a line of an `api.txt` is about.
fn leaf_of(line: &str) -> Option<String> {
    let text = without_generics(line);
    if let Some(rest) = text.strip_prefix("impl ") {
        let (what, of) = rest.trim().split_once(" for ")?;
        let what = what.rsplit("::").next()?;
        let of = of.split_whitespace().next()?;
        return matches!(what, "Future" | "IntoFuture").then(|| format!("{what} for {of}"));
    }
    let rest = text.strip_prefix("pub ")?;
    let is_async = rest.starts_with("async ");
    let (name, _) = rest.trim_start_matches("async ").strip_prefix("fn ")?.split_once('(')?;
    let is_future = line.split_once("-> ").is_some_and(|(_, output)| output.starts_with("impl core::future"));
    // The methods of `AsyncReadExt` and similar traits return futures of their own types.
    let is_of_extension = name.starts_with("ayi_io::") && name.contains("Ext::");
    (is_async || is_future || is_of_extension || name.contains("::poll_")).then(|| name.to_owned())
}

#[test]
fn every_leaf_of_the_api_gives_way() {
    run(async || {
        let mut leaves = Leaves::default();
        memory::all(&mut leaves).await;
        sockets::all(&mut leaves).await;
        files::all(&mut leaves).await;
        runtime::all(&mut leaves).await;
        sync::all(&mut leaves).await;
        channels::all(&mut leaves).await;
        assert!(leaves.failed.is_empty(), "these do not give way: {:#?}", leaves.failed);

        let listed: BTreeSet<String> = api().lines().filter_map(leaf_of).collect();
        assert!(listed.len() > 200, "there are {} leaves only: the format has changed", listed.len());
        let is_explained = |leaf: &str| {
            let is_it = |&&(entry, _): &&(&str, &str)| {
                leaf == entry || entry.ends_with(['_', ':']) && leaf.starts_with(entry)
            };
            EXCEPTIONS.iter().find(is_it).is_some() || DONE_AT_ONCE.iter().any(|end| leaf.ends_with(end))
        };
        let missing: Vec<_> =
            listed.iter().filter(|leaf| !leaves.tried.contains(*leaf) && !is_explained(leaf)).collect();
        assert!(
            missing.is_empty(),
            "these leaves of the API are not tried: {missing:#?}\nAdd each to a `gives_way` of tests/leaves, or to \
             EXCEPTIONS in tests/leaves/main.rs with the reason"
        );
    });
}

#[test]
fn lines_of_the_api_are_told_apart() {
    let leaf = |line| leaf_of(line).unwrap_or_default();
    assert_eq!(
        leaf("pub async fn ayi_io::unix::AsyncFd<T>::async_io<R>(&self, impl Fn(&T) -> R) -> R"),
        "ayi_io::unix::AsyncFd::async_io"
    );
    assert_eq!(
        leaf("pub fn a::B::read(&self, &mut [u8]) -> impl core::future::future::Future<Output = u8>"),
        "a::B::read"
    );
    assert_eq!(
        leaf("pub fn &a::B::poll_read(core::pin::Pin<&mut Self>) -> core::task::poll::Poll<u8>"),
        "&a::B::poll_read"
    );
    assert_eq!(
        leaf("impl<F: core::future::future::Future> core::future::future::Future for a::Timeout<F>"),
        "Future for a::Timeout"
    );
    assert_eq!(
        leaf("pub fn ayi_io::AsyncReadExt::read<'a>(&'a mut self) -> ayi_io::Charged<Self>"),
        "ayi_io::AsyncReadExt::read"
    );
    assert_eq!(
        leaf("pub fn a::spawn(impl core::future::future::Future<Output = T> + 'static) -> a::Handle"),
        ""
    );
    assert_eq!(leaf("impl<T> core::fmt::Debug for a::B<T>"), "");
}
