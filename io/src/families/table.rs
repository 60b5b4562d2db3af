//! The rows of this crate's own streams. Those of sockets, files, children and standard streams stand with them.
//!
//! A stream around another one has what that one has of ayi's traits.

use crate::{
    BufReader, BufStream, BufWriter, Chain, DuplexStream, Empty, Join, ReadHalf, Repeat, SimplexStream, Sink,
    Take, TimeoutStream, WriteHalf,
};

crate::other_families! {
    [] DuplexStream: read write;
    [] SimplexStream: read write;
    [S] ReadHalf<S>: read;
    [S] WriteHalf<S>: write;
    [S] TimeoutStream<S>: read write;
    [R] Take<R>: read fill;
    [R, S] Chain<R, S>: read fill;
    [S] BufReader<S>: read write fill seek;
    [S] BufWriter<S>: read write fill seek;
    [S] BufStream<S>: read write fill seek;
    [R, W] Join<R, W>: read write fill;
    [] Empty: read write fill seek;
    [] Repeat: read;
    [] Sink: write;
}

crate::futures_seek! {
    Empty: |empty, cx, _to| crate::AsyncSeek::poll_complete(std::pin::Pin::new(empty), cx)
}

#[cfg(feature = "futures-io")]
crate::other_families! {
    [T] crate::FuturesIo<T>: read write fill;
}
