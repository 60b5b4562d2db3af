//! Error messages: what happened, why, what to do, and the place of the mistake.

use ayi::runtime::{Handle, Runtime};
use ayi::task::spawn_blocking;
use std::panic::{self, catch_unwind};
use std::sync::Mutex;

/// One test in this process, since it sets the panic hook.
#[test]
fn panics_tell_the_callers_place() {
    static PLACE: Mutex<Option<(String, u32)>> = Mutex::new(None);
    panic::set_hook(Box::new(|info| {
        *PLACE.lock().unwrap() = info.location().map(|place| (place.file().to_owned(), place.line()));
    }));
    let nested = || Runtime::new().unwrap().block_on(async { Runtime::new().unwrap().block_on(async {}) });
    let calls: [(&str, u32, fn()); 4] = [
        ("spawn", line!(), || drop(ayi::spawn(async {}))),
        ("Handle::current", line!(), || drop(Handle::current())),
        ("spawn_blocking", line!(), || drop(spawn_blocking(|| {}))),
        ("block_on", line!() - 5, nested),
    ];
    let places = calls.map(|(name, line, call)| {
        catch_unwind(call).unwrap_err();
        (name, line, PLACE.lock().unwrap().take())
    });
    let _ = panic::take_hook();
    for (name, line, place) in places {
        assert_eq!(place, Some((file!().to_owned(), line)), "{name}");
    }
}
