//! One simulated host for each test of a program that knows nothing of simulations, for ayi's own tests: with
//! `AYI_SIM_ALONE=SEED` in the environment, each thread of the test harness that runs a test is one.
//!
//! The whole test is the host's program, with all its runtimes and blocking calls. A call that waits has the next event
//! happen, until what it waits for is there.

use crate::calls;
use crate::kernel::Kernel;
use crate::kernel::events::Event;
use crate::kernel::hosts::{Host, HostState};
use crate::sim::decisions;
use crate::{Nanos, real};
use ayi_runtime::simulation::decide;
use libc::{c_int, c_void};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::OnceLock;

thread_local! {
    /// Whether this thread has been looked at.
    static IS_SETTLED: Cell<bool> = const { Cell::new(false) };
}

fn seed() -> Option<u64> {
    static SEED: OnceLock<Option<u64>> = OnceLock::new();
    *SEED.get_or_init(|| std::env::var("AYI_SIM_ALONE").ok()?.parse().ok())
}

/// The kernel of this thread, if it runs a test that is to be a host's program.
pub(crate) fn kernel() -> Option<Rc<RefCell<Kernel>>> {
    if IS_SETTLED.try_with(|settled| settled.replace(true)).unwrap_or(true) {
        return None;
    }
    let seed = seed()?;
    if !runs_a_test() {
        return None;
    }
    let mut kernel = Kernel::new(seed);
    let mut host = Host::new("localhost".into(), 0);
    host.state = HostState::Up;
    kernel.hosts.push(host);
    (kernel.here, kernel.is_alone) = (Some(0), true);
    let kernel = Rc::new(RefCell::new(kernel));
    calls::install(Some(kernel.clone()));
    decide(Some(decisions()));
    Some(kernel)
}

/// The test harness names its threads by their tests, of which the kernel keeps 15 bytes.
fn runs_a_test() -> bool {
    let mut name = [0_u8; 16];
    // SAFETY: there is room for as many bytes as it is told.
    let result =
        unsafe { libc::pthread_getname_np(libc::pthread_self(), name.as_mut_ptr().cast(), name.len()) };
    result == 0 && name.windows(2).any(|two| two == b"::")
}

/// What waiting has come to.
pub(crate) enum Waited {
    /// Something has happened.
    On,
    /// A call of the blocking pool has run, and may have woken a task.
    Called,
    TimeIsUp,
    /// Nothing will ever happen.
    InVain,
}

/// Has the next event happen, if it does until then.
pub(crate) fn wait_until(until: Option<Nanos>) -> Waited {
    let next = calls::with_kernel(|kernel| {
        let next = kernel.events.next_time().filter(|next| until.is_none_or(|until| *next <= until));
        let (at, event) = match next.and_then(|_| kernel.events.pop()) {
            Some(next) => next,
            None => {
                let until = until.ok_or(Waited::InVain)?;
                kernel.now = kernel.now.max(until);
                return Err(Waited::TimeIsUp);
            }
        };
        kernel.now = kernel.now.max(at);
        match event {
            Event::Call(number) => return Ok(kernel.calls.remove(&number)),
            Event::Run(..) | Event::Planned(_) => {}
            other => kernel.happen(other),
        }
        Ok(None)
    });
    match next {
        Some(Ok(Some((_, call)))) => {
            call();
            Waited::Called
        }
        Some(Ok(None)) => Waited::On,
        Some(Err(waited)) => waited,
        None => Waited::InVain,
    }
}

/// A thread that a test starts is a real one, beside the host.
struct Start {
    f: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
}

extern "C" fn beside(start: *mut c_void) -> *mut c_void {
    IS_SETTLED.set(true);
    // SAFETY: `start_thread` made it, for this thread alone.
    let Start { f, argument } = *unsafe { Box::from_raw(start.cast::<Start>()) };
    f(argument)
}

/// # Safety
///
/// Those of pthread_create(3).
pub(crate) unsafe fn start_thread(
    to: *mut c_void,
    attributes: *const c_void,
    f: *mut c_void,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise: it is such a function.
    let f = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(*mut c_void) -> *mut c_void>(f) };
    let start = Box::into_raw(Box::new(Start { f, argument }));
    // SAFETY: the caller's promise, and `beside` takes what it is given.
    let result =
        unsafe { real::pthread_create(to.cast(), attributes.cast(), beside as *mut c_void, start.cast()) };
    if result != 0 {
        // SAFETY: no thread has it.
        drop(unsafe { Box::from_raw(start) });
    }
    result
}
