//! What the functions that the attributes make do when they run.

// Clippy has nothing to say about the expansion, and the expansion must not switch any lint off.
#![deny(clippy::all, clippy::pedantic)]
#![forbid(clippy::unused_async, clippy::items_after_statements, clippy::expect_used)]

use std::cell::Cell;
use std::fmt::Display;
use std::future::poll_fn;
use std::num::NonZero;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use ayi::runtime::{Core, shutdown_token};

/// A future that is pending once, and wakes its task.
async fn wait_once() {
    let mut waited = false;
    poll_fn(|cx| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[ayi::main]
async fn seven() -> u32 {
    wait_once().await;
    7
}

#[test]
fn callers_get_the_output() {
    assert_eq!(seven(), 7);
}

#[ayi::main]
async fn parse() -> Result<u32, std::num::ParseIntError> {
    let number: u32 = "seven".parse()?;
    Ok(number)
}

#[test]
fn the_question_mark_returns_from_the_function() {
    assert!(parse().is_err());
}

#[ayi::main]
async fn anything() -> impl Display
where
    &'static str: Display,
{
    "opaque"
}

#[test]
fn the_return_type_may_be_opaque() {
    assert_eq!(anything().to_string(), "opaque");
}

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

#[ayi::main]
async fn recursive() -> u32 {
    DEPTH.set(DEPTH.get() + 1);
    if DEPTH.get() == 3 { 3 } else { Box::pin(recursive()).await }
}

#[test]
fn a_function_that_calls_itself_calls_the_async_one() {
    assert_eq!(recursive(), 3);
}

mod inner {
    #[ayi::main]
    pub(super) async fn visible() -> u32 {
        1
    }
}

struct Server;

impl Server {
    #[ayi::main]
    pub async fn port() -> u16 {
        80
    }
}

#[test]
fn functions_in_modules_and_impl_blocks_keep_their_visibility() {
    assert_eq!(inner::visible() + u32::from(Server::port()), 81);
}

#[ayi::main]
#[cfg(any())]
async fn configured() -> NoSuchType {}

#[ayi::main]
#[cfg(not(any()))]
async fn configured() -> &'static str {
    "not any"
}

#[test]
fn cfg_chooses_between_functions() {
    assert_eq!(configured(), "not any");
}

#[ayi::main]
#[deny(unfulfilled_lint_expectations)]
#[expect(unused_variables)]
async fn expecting() {
    let unused = 1;
}

#[ayi::main]
async fn inner_attribute() {
    #![allow(unused_variables)]
    let unused = 1;
}

#[test]
#[deny(unused)]
fn lint_levels_reach_the_body() {
    expecting();
    inner_attribute();
}

#[ayi::main]
async fn r#loop() -> &'static str {
    "raw"
}

#[test]
fn the_name_may_be_a_raw_identifier() {
    assert_eq!(r#loop(), "raw");
}

/// Passes each part of a function in the group that `macro_rules!` puts around it.
macro_rules! define {
    ($(#[$meta:meta])* $vis:vis fn $name:ident() -> $ret:ty = $runtime:path, $body:block) => {
        #[ayi::main(crate = $runtime)]
        $(#[$meta])*
        $vis async fn $name() -> $ret $body
    };
}

macro_rules! run {
    ($item:item) => {
        #[ayi::main]
        $item
    };
}

define! {
    /// Documented.
    #[must_use]
    pub(crate) fn from_parts() -> &'static (dyn Display + Sync) = ::ayi, { &"parts" }
}

define! {
    fn without_visibility() -> u32 = ayi, { 1 }
}

run! {
    /// Documented.
    pub(crate) async fn from_item() -> u32 { 2 }
}

#[test]
fn macros_may_write_the_function() {
    assert_eq!(from_parts().to_string(), "parts");
    assert_eq!(without_visibility() + from_item(), 3);
}

#[ayi::test]
async fn a_test_runs_on_a_runtime() {
    let not_send = Rc::new(Cell::new(1));
    wait_once().await;
    not_send.set(2);
    assert_eq!(not_send.get(), 2);
}

#[ayi::test]
#[should_panic(expected = "after waiting")]
async fn a_test_may_panic() {
    wait_once().await;
    panic!("after waiting");
}

#[should_panic(expected = "above")]
#[ayi::test]
async fn should_panic_may_stand_above() {
    panic!("above");
}

#[ayi::test]
#[ignore = "fails"]
async fn a_test_may_be_ignored() {
    panic!("it ran");
}

#[ayi::test]
async fn a_test_may_return_a_result() -> Result<(), Box<dyn std::error::Error>> {
    let number: u32 = "7".parse()?;
    assert_eq!(number, 7);
    Ok(())
}

#[ayi::test(crate = ::ayi)]
async fn a_test_takes_the_option_crate() {}

#[ayi::test(start_paused = true, flavor = "current_thread")]
async fn time_may_stand_still() {
    let start = ayi::time::Instant::now();
    ayi::time::sleep(ayi::time::Duration::from_secs(3600)).await;
    assert_eq!(start.elapsed(), ayi::time::Duration::from_secs(3600));
}

#[ayi::main(crate = ayi, flavor = "current_thread", start_paused = false)]
async fn time_goes_on() -> bool {
    let start = ayi::time::Instant::now();
    ayi::time::sleep(ayi::time::Duration::from_micros(10)).await;
    start.elapsed() < ayi::time::Duration::from_secs(3600)
}

#[test]
fn options_can_be_combined() {
    assert!(time_goes_on());
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

#[ayi::main(cores = 3)]
async fn count_calls() {
    wait_once().await;
    CALLS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn each_core_calls_the_function() {
    count_calls();
    assert_eq!(CALLS.load(Ordering::Relaxed), 3);
}

#[ayi::main(cores = "all")]
async fn count_cores(core: Core) -> Result<usize, ()> {
    Ok(core.count())
}

#[test]
fn all_cores_are_those_that_the_process_may_use() {
    assert_eq!(count_cores().ok(), std::thread::available_parallelism().ok().map(NonZero::get));
}

#[ayi::main(cores = 3)]
async fn second_fails(core: Core) -> Result<(), usize> {
    if core.index() == 1 {
        return Err(1);
    }
    shutdown_token().cancelled().await;
    Ok(())
}

#[test]
fn callers_get_the_failure_of_a_core() {
    assert_eq!(second_fails(), Err(1));
}

#[ayi::main(cores = 2)]
async fn recursive_on_cores(core: Core) -> Result<u32, ()> {
    DEPTH.set(DEPTH.get() + 1);
    if DEPTH.get() == 3 { Ok(3) } else { Box::pin(recursive_on_cores(core)).await }
}

#[test]
fn a_function_that_passes_its_core_on_calls_the_async_one() {
    assert_eq!(recursive_on_cores(), Ok(3));
}

#[ayi::main(cores = 2)]
#[deny(unfulfilled_lint_expectations)]
#[expect(unused_variables)]
async fn expecting_on_cores(core: Core) {}

#[test]
fn lint_levels_reach_the_argument() {
    expecting_on_cores();
}

/// Passes the number and the argument in the groups that `macro_rules!` puts around them.
macro_rules! define_on_cores {
    ($cores:expr, $name:ident($core:pat_param = $type:ty) $body:block) => {
        #[ayi::main(cores = $cores)]
        async fn $name($core: $type) -> Result<usize, ()> $body
    };
}

define_on_cores! { 2, from_parts_on_cores(_ = ayi::runtime::Core) { Ok(Core::current().count()) } }

#[test]
fn macros_may_write_the_function_of_cores() {
    assert_eq!(from_parts_on_cores(), Ok(2));
}

#[ayi::test(cores = 2)]
async fn a_test_runs_on_each_core(core: Core) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let not_send = Rc::new(core.index());
    wait_once().await;
    assert_eq!(Core::current().index(), *not_send);
    Ok(())
}

#[ayi::test(cores = 2)]
#[should_panic(expected = "on the second core")]
async fn a_test_may_panic_on_a_core(core: Core) {
    assert_eq!(core.index(), 0, "on the second core");
}

#[ayi::test(cores = 2, start_paused = true)]
async fn time_may_stand_still_on_each_core() {
    let start = ayi::time::Instant::now();
    ayi::time::sleep(ayi::time::Duration::from_secs(3600)).await;
    assert_eq!(start.elapsed(), ayi::time::Duration::from_secs(3600));
}
