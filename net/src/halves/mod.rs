//! The two directions of a stream, apart: borrowed from it, or owning it together.
//!
//! [`tcp`](crate::tcp) and [`unix`](crate::unix) have names for those of their streams.

mod borrowed;
mod owned;

pub(crate) use borrowed::split;
pub use borrowed::{ReadHalf, WriteHalf};
pub(crate) use owned::into_split;
pub use owned::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
