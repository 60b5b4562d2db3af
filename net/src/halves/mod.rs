//! The two directions of a stream, apart: borrowed from it, or owning it together.

mod borrowed;
mod owned;

pub(crate) use borrowed::split;
pub use borrowed::{ReadHalf, WriteHalf};
pub(crate) use owned::into_split;
pub use owned::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
