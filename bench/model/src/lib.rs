//! A server on many cores, as discrete events: what becomes of its requests if connections stay where they were dealt to,
//! if cores share as ayi's do, and if they steal as tokio's `multi_thread`.
//!
//! ```text
//!   Load: who asks when ──▶ World: events in the order of time ──▶ Outcome: answers a second, p50, p99, moves a second
//!                             └─ Loops: a queue and an epoll for each core ── Share: who gives what, and when
//!                             └─ Thieves: a queue for each worker, one epoll for all
//! ```
//!
//! Time is in nanoseconds, and costs are an input ([`Costs`]). Clients cost nothing, and their number of cores is not
//! limited. What the model does not know: caches, memory, the kernel's locks, and threads that have to wait for a CPU. So
//! it is good for what follows from queues, and for nothing else. The same seed gives the same figures.

mod costs;
mod load;
mod loops;
mod share;
mod thieves;
mod world;

pub use costs::Costs;
pub use load::Load;
pub use world::{Outcome, Policy, Setup, run};
