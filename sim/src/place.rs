//! Where in a program something happened.

use std::backtrace::Backtrace;

/// Returns the first line of the call stack that is neither this crate's nor std's, as " at src/main.rs:12:5".
pub(crate) fn of_caller() -> String {
    let trace = Backtrace::force_capture().to_string();
    let mut lines = trace.lines().map(str::trim);
    let mut name = "";
    let ours = ["ayi_sim::", "std::", "core::", "alloc::", "<std::", "<core::", "<alloc::", "ayi_runtime::"];
    while let Some(line) = lines.next() {
        if let Some(place) = line.strip_prefix("at ") {
            let is_user = !name.is_empty() && !ours.iter().any(|prefix| name.starts_with(prefix));
            if is_user && place.contains(".rs:") && !place.starts_with("/rustc/") {
                return format!(" at {place}");
            }
        } else if let Some((_, function)) = line.split_once(": ") {
            name = function;
        }
    }
    String::new()
}
