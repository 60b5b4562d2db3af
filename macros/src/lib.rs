//! The attributes `#[ayi::main]` and `#[ayi::test]`.
//!
//! Users take them from the crate `ayi`, which exports them.
//!
//! They are written with `proc_macro` alone: otherwise every program would have to wait until syn and quote are
//! compiled. So the function is read as a list of tokens; rustc parses it before and after.
//!
//! | file | what it does |
//! |---|---|
//! | `function` | takes the function apart and says what is wrong with it |
//! | `options` | reads what stands in the parentheses of the attribute |
//! | `expand` | puts the new function together |
//! | `error` | points at a place in the user's code |
//!
//! In tokio: `tokio-macros/src/entry.rs`.

#![forbid(unsafe_code)]

mod error;
mod expand;
mod function;
mod options;

use std::fmt;

use proc_macro::TokenStream;

/// Makes an `async fn`, mostly `main`, run on a new runtime.
///
/// ```
/// #[ayi::main]
/// async fn main() -> std::io::Result<()> {
///     let answer = async { 6 * 7 }.await;
///     println!("{answer}");
///     Ok(())
/// }
/// ```
///
/// The function may have any name and return type, but no arguments. With `cores` it may have one argument, and its
/// return type is restricted, see below. It becomes a function that is not async, and that callers run like any other:
///
/// ```
/// fn main() -> std::io::Result<()> {
///     async fn main() -> std::io::Result<()> {
///         let answer = async { 6 * 7 }.await;
///         println!("{answer}");
///         Ok(())
///     }
///     ayi::runtime::Builder::new_current_thread().build().expect("…").block_on(main())
/// }
/// ```
///
/// Its attributes stay on the outer function. The runtime is dropped before the function returns, and with it all tasks
/// that still run.
///
/// # Options
///
/// `crate = path` names the crate `ayi` if it is not found as `::ayi`, for example because another crate re-exports it.
/// The path may also be a string, as in tokio.
///
/// ```
/// mod framework {
///     pub use ::ayi as runtime;
/// }
///
/// #[framework::runtime::main(crate = framework::runtime)]
/// async fn main() {}
/// ```
///
/// `start_paused = true` makes the runtime's time stand still, see `ayi::time::pause`.
///
/// `flavor = "current_thread"` changes nothing: every runtime has one thread. It is there for programs that come from
/// tokio.
///
/// `cores = 2` calls the function on two threads, each with a runtime of its own. `cores = "all"` calls it on as many
/// threads as the process may use CPUs, by its affinity and the quota of its cgroup. The function may then take one
/// argument, its core. Callers wait until all cores have returned.
///
/// ```
/// use std::error::Error;
///
/// use ayi::runtime::Core;
///
/// #[ayi::main(cores = 2)]
/// async fn main(core: Core) -> Result<(), Box<dyn Error + Send + Sync>> {
///     let port: u16 = "8080".parse()?;
///     println!("core {} of {} could listen on port {port}", core.index(), core.count());
///     Ok(())
/// }
/// ```
///
/// The return value comes from another thread, so it must be `Send`: a `Box<dyn Error + Send + Sync>` is, a
/// `Box<dyn Error>` is not. It must be able to report a failure: `()`, a `Result` or an
/// [`ExitCode`](std::process::ExitCode). The future itself need not be `Send`.
///
/// - If all cores succeed, the function returns what the first one has returned.
/// - If one fails, the others are told to end, by `ayi::runtime::shutdown_token`. They have ten seconds to end, and are
///   dropped after that. Then the function returns the failure, that of the first core if several have failed.
/// - If one panics, the others are told to end as well, and the panic continues in the caller.
///
/// The attribute makes a call of `ayi::runtime::Builder::cores`, which has more settings: CPUs to pin threads to, names
/// for them, a new start after a panic, a number of cores that is known only at run time, and outputs of any type that
/// is `Send`.
///
/// # Panics
///
/// The function panics if the kernel refuses what a runtime needs, for example because the process is out of file
/// descriptors. It also panics if it is called on a thread where a runtime is running, and with `cores` if one of them
/// panics.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Runner::Main, options, item)
}

/// Makes an `async fn` a test that runs on a new runtime.
///
/// ```
/// #[ayi::test]
/// async fn addition_is_commutative() {
///     let (a, b) = (async { 1 + 2 }.await, async { 2 + 1 }.await);
///     assert_eq!(a, b);
/// }
/// ```
///
/// It becomes the function that [`#[ayi::main]`](macro@main) makes, with `#[test]` on it. So a test may return a
/// `Result`, and `#[should_panic]` and `#[ignore]` work as always.
///
/// # Options
///
/// The options are those of [`#[ayi::main]`](macro@main). With `cores`, the test fails if it fails on one of them.
/// `start_paused = true` is the most useful here: timers fire as soon as the test has nothing else to do, and always in
/// the same order.
///
/// ```
/// use ayi::time::{Duration, Instant, sleep};
///
/// #[ayi::test(start_paused = true)]
/// async fn an_hour_takes_no_time() {
///     let start = Instant::now();
///     sleep(Duration::from_secs(3600)).await;
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// }
/// ```
///
/// # Panics
///
/// The test fails if the kernel refuses what a runtime needs.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Runner::Test, options, item)
}

/// The attribute that is being expanded.
#[derive(Clone, Copy)]
enum Runner {
    Main,
    Test,
}

impl Runner {
    fn name(self) -> &'static str {
        match self {
            Runner::Main => "main",
            Runner::Test => "test",
        }
    }
}

/// The attribute as users write it, for error messages.
impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`#[ayi::{}]`", self.name())
    }
}
