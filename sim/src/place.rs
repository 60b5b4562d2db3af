//! Where in a program something happened.

use std::backtrace::Backtrace;

/// Returns the first place of the call stack that is neither in this crate nor in std nor in ayi, as " at
/// src/main.rs:12:5".
pub(crate) fn of_caller() -> String {
    let trace = Backtrace::force_capture().to_string();
    let mut places = trace.lines().filter_map(|line| line.trim().strip_prefix("at ")).peekable();
    // The first one is this file's, and names the folder of this crate.
    let this_crate =
        places.peek().and_then(|place| place.split_once("place.rs")).map_or("", |(folder, _)| folder);
    let is_ours = |place: &str| {
        let ayis = ["/runtime/src/", "/io/src/", "/net/src/", "/fs/src/", "/ayi-"];
        place.starts_with("/rustc/")
            || place.starts_with(this_crate)
            || ayis.iter().any(|part| place.contains(part))
    };
    let place = places.find(|place| place.contains(".rs:") && !is_ours(place));
    place.map_or_else(String::new, |place| format!(" at {place}"))
}
