//! The tests of sockets and of what tasks share, on simulated hosts.
//!
//! The modules are those of `tests/it`. The first test below runs this program again, with `AYI_SIM_ALONE` in the
//! environment: then each test is the program of a simulated host, and whatever it expects of Linux it has to find.

#[path = "support/mod.rs"]
mod support;

#[path = "it/net/mod.rs"]
mod net;
#[path = "it/sync/mod.rs"]
mod sync;

ayi::sim::kernel!();
