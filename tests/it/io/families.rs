//! The table in the documentation of `ayi::io`: which stream has which traits, of each family. And reads into buffers of
//! other families, with readers that do as they like.

use crate::support::run;
use ::hyper::rt;
use ayi::io::{
    AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, BufReader, BufStream, BufWriter, Chain, DuplexStream,
    Empty, FuturesIo, Join, ReadBuf, ReadHalf, Repeat, SimplexStream, Sink, Take, TimeoutStream, WriteHalf,
};
use ayi::net::unix::pipe;
use ayi::net::{TcpStream, UnixStream, tcp, unix};
use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// An inherent constant of this type hides the trait's, if its bound holds.
struct Has<T>(PhantomData<T>);

/// `traits! { CONSTANT: Trait; … }`: whether a type has the trait.
macro_rules! traits {
    ($($name:ident: $trait:path;)*) => {
        trait Otherwise {
            $(const $name: bool = false;)*
        }
        impl<T> Otherwise for Has<T> {}
        $(impl<T: $trait> Has<T> {
            const $name: bool = true;
        })*
    };
}

traits! {
    READ: AsyncRead;
    WRITE: AsyncWrite;
    FILL: AsyncBufRead;
    SEEK: AsyncSeek;
    FUTURES_READ: futures::io::AsyncRead;
    FUTURES_WRITE: futures::io::AsyncWrite;
    FUTURES_FILL: futures::io::AsyncBufRead;
    FUTURES_SEEK: futures::io::AsyncSeek;
    HYPER_READ: rt::Read;
    HYPER_WRITE: rt::Write;
    TOKIO_READ: tokio::io::AsyncRead;
    TOKIO_WRITE: tokio::io::AsyncWrite;
    TOKIO_FILL: tokio::io::AsyncBufRead;
    TOKIO_SEEK: tokio::io::AsyncSeek;
}

/// `rows! { "name in the documentation": Type, …; … }`: ayi's traits, and the same of the families that have them.
macro_rules! rows {
    ($($name:literal: $($type:ty),+;)*) => {
        [$($((
            $name,
            stringify!($type),
            [Has::<$type>::READ, Has::<$type>::WRITE, Has::<$type>::FILL, Has::<$type>::SEEK],
            [
                ("futures-io", [
                    Has::<$type>::FUTURES_READ, Has::<$type>::FUTURES_WRITE, Has::<$type>::FUTURES_FILL,
                    Has::<$type>::FUTURES_SEEK,
                ]),
                // hyper has no traits for a buffer or a position.
                ("hyper", [
                    Has::<$type>::HYPER_READ, Has::<$type>::HYPER_WRITE, Has::<$type>::FILL, Has::<$type>::SEEK,
                ]),
                ("tokio", [
                    Has::<$type>::TOKIO_READ, Has::<$type>::TOKIO_WRITE, Has::<$type>::TOKIO_FILL,
                    Has::<$type>::TOKIO_SEEK,
                ]),
            ],
        )),+),*]
    };
}

/// The rows of the table: a name, and whether it says "yes" for reading, writing, a buffer and a position. "As S" means
/// yes here, where S is a stream that does everything.
fn documented() -> BTreeMap<String, [bool; 4]> {
    let page = include_str!("../../../src/io.rs");
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.flat_map(|row| {
        let cells: Vec<_> = row.split(" | ").collect();
        let is_yes = |at: usize| match cells[at].trim_end_matches(" |") {
            "yes" | "as `S`" => true,
            cell if cell.starts_with('–') => false,
            cell => panic!("{cell:?} in the row of {}", cells[0]),
        };
        let has = [is_yes(1), is_yes(2), is_yes(3), is_yes(4)];
        let names: Vec<_> = cells[0].split(['`']).step_by(2).map(str::to_owned).collect();
        names.into_iter().map(move |name| (name, has))
    })
    .collect()
}

#[test]
fn the_table_says_which_stream_has_which_traits() {
    type S = std::io::Cursor<Vec<u8>>;
    let rows = rows! {
        "TcpStream": TcpStream, &'static TcpStream;
        "UnixStream": UnixStream, &'static UnixStream;
        "tcp::ReadHalf": tcp::ReadHalf<'static>;
        "unix::ReadHalf": unix::ReadHalf<'static>;
        "OwnedReadHalf": tcp::OwnedReadHalf, unix::OwnedReadHalf;
        "tcp::WriteHalf": tcp::WriteHalf<'static>;
        "unix::WriteHalf": unix::WriteHalf<'static>;
        "OwnedWriteHalf": tcp::OwnedWriteHalf, unix::OwnedWriteHalf;
        "pipe::Receiver": pipe::Receiver, &'static pipe::Receiver;
        "pipe::Sender": pipe::Sender, &'static pipe::Sender;
        "fs::File": ayi::fs::File;
        "ChildStdin": ayi::process::ChildStdin;
        "ChildStdout": ayi::process::ChildStdout;
        "ChildStderr": ayi::process::ChildStderr;
        "Stdin": ayi::io::Stdin;
        "Stdout": ayi::io::Stdout;
        "Stderr": ayi::io::Stderr;
        "DuplexStream": DuplexStream;
        "SimplexStream": SimplexStream;
        "ReadHalf<S>": ReadHalf<S>;
        "WriteHalf<S>": WriteHalf<S>;
        "TimeoutStream<S>": TimeoutStream<S>;
        "Take<S>": Take<S>;
        "Chain<S, S>": Chain<S, S>;
        "BufReader<S>": BufReader<S>;
        "BufStream<S>": BufStream<S>;
        "BufWriter<S>": BufWriter<S>;
        "Join<S, S>": Join<S, S>;
        "Empty": Empty;
        "Repeat": Repeat;
        "Sink": Sink;
    };
    let mut documented = documented();
    for (name, of, ours, families) in rows {
        assert_eq!(documented.get(name), Some(&ours), "{of}");
        for (family, [read, write, fill, seek]) in families {
            // A seek of futures-io is one step, which only a file and what has no position can make.
            let is_seek_the_same = if family == "futures-io" && !matches!(of, "ayi::fs::File" | "Empty") {
                !seek
            } else {
                seek == ours[3]
            };
            assert_eq!([read, write, fill], ours[..3], "{of}, {family}");
            assert!(is_seek_the_same, "{of}, {family}");
        }
    }
    for (name, ..) in rows {
        documented.remove(name);
    }
    assert!(documented.is_empty(), "these rows are not compared: {documented:?}");
}

/// A reader that does with its buffer what it likes.
struct Reads<F>(F);

impl<F: FnMut(&mut ReadBuf<'_>) + Unpin> AsyncRead for Reads<F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0(buf);
        Poll::Ready(Ok(()))
    }
}

/// Returns what each family says was read into eight bytes, or the text of the panic. tokio's buffer has two bytes
/// already, which are left out.
fn by_each_family<F: FnMut(&mut ReadBuf<'_>) + Unpin>(reads: impl Fn() -> F) -> [Result<Vec<u8>, String>; 3] {
    // A stream of ours that passes the buffer on.
    let reader = || TimeoutStream::new(Reads(reads()));
    let cx = || Context::from_waker(Waker::noop());
    let caught = |read: &dyn Fn() -> Vec<u8>| {
        let panicked = |panic: Box<dyn Any + Send>| panic.downcast_ref::<&str>().unwrap().to_string();
        catch_unwind(AssertUnwindSafe(read)).map_err(panicked)
    };
    [
        caught(&|| {
            let mut memory = [7; 8];
            let read = futures::io::AsyncRead::poll_read(Pin::new(&mut reader()), &mut cx(), &mut memory);
            let Poll::Ready(Ok(read)) = read else { panic!("it is ready") };
            memory[..read].to_vec()
        }),
        caught(&|| {
            let mut memory = [MaybeUninit::uninit(); 8];
            let mut buf = rt::ReadBuf::uninit(&mut memory);
            assert!(rt::Read::poll_read(Pin::new(&mut reader()), &mut cx(), buf.unfilled()).is_ready());
            buf.filled().to_vec()
        }),
        caught(&|| {
            let mut memory = [MaybeUninit::uninit(); 10];
            let mut buf = tokio::io::ReadBuf::uninit(&mut memory);
            buf.put_slice(b"so");
            let read = tokio::io::AsyncRead::poll_read(Pin::new(&mut reader()), &mut cx(), &mut buf);
            assert!(read.is_ready() && buf.filled().starts_with(b"so"));
            buf.filled()[2..].to_vec()
        }),
    ]
}

#[test]
fn what_a_reader_appends_is_read_by_each_family() {
    let all = |bytes: &[u8]| [0; 3].map(|_| Ok(bytes.to_vec()));
    assert_eq!(by_each_family(|| |_: &mut ReadBuf<'_>| ()), all(b""));
    assert_eq!(by_each_family(|| |buf: &mut ReadBuf<'_>| buf.put_slice(b"tea")), all(b"tea"));
    let fills = |buf: &mut ReadBuf<'_>| {
        buf.put_slice(b"tea");
        buf.initialize_unfilled().fill(b'!');
        buf.advance(buf.remaining());
    };
    assert_eq!(by_each_family(|| fills), all(b"tea!!!!!"));
    let takes_back = |buf: &mut ReadBuf<'_>| {
        buf.put_slice(b"teapot");
        buf.set_filled(3);
    };
    assert_eq!(by_each_family(|| takes_back), all(b"tea"));
}

#[test]
fn a_reader_that_exchanges_the_buffer_is_not_believed() {
    let exchanges = |buf: &mut ReadBuf<'_>| {
        let mut another = ReadBuf::new(Box::leak(Box::new([b'x'; 4])));
        another.advance(4);
        *buf = another;
    };
    for result in by_each_family(|| exchanges) {
        assert!(result.unwrap_err().contains("has put another ReadBuf"));
    }
    // An empty one as well: the bytes may be in the one that is gone.
    for result in by_each_family(|| |buf: &mut ReadBuf<'_>| *buf = ReadBuf::new(&mut [])) {
        assert!(result.unwrap_err().contains("has put another ReadBuf"));
    }
}

/// What is initialised once is known to be in the next read, by either kind of buffer.
#[test]
fn tokios_buffer_is_told_what_is_initialised() {
    let mut memory = [MaybeUninit::uninit(); 8];
    let mut buf = tokio::io::ReadBuf::uninit(&mut memory);
    let mut poll = |reads: &mut dyn FnMut(&mut ReadBuf<'_>)| {
        let mut reader = TimeoutStream::new(Reads(reads));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(tokio::io::AsyncRead::poll_read(Pin::new(&mut reader), cx, &mut buf).is_ready());
        (buf.filled().len(), buf.initialized().len())
    };
    let initializes_five = |buf: &mut ReadBuf<'_>| {
        buf.initialize_unfilled_to(5).fill(b'.');
        buf.advance(1);
    };
    assert_eq!(poll(&mut { initializes_five }), (1, 5));
    let finds_four = |buf: &mut ReadBuf<'_>| {
        assert_eq!(buf.initialized(), b"....");
        buf.put_slice(b"te");
    };
    assert_eq!(poll(&mut { finds_four }), (3, 5));
}

/// The crate `futures` reads and writes ayi's streams, and ayi streams of `futures`.
#[test]
fn to_the_family_of_futures_and_back() {
    run(async || {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let writer =
            async { futures::io::AsyncWriteExt::write_all(&mut ours, b"tea\nwater\n").await.unwrap() };
        writer.await;
        futures::io::AsyncWriteExt::close(&mut ours).await.unwrap();
        let of_futures = futures::io::BufReader::new(theirs);
        let mut lines = ayi::io::AsyncBufReadExt::lines(FuturesIo(of_futures));
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("tea"));
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("water"));
        assert_eq!(lines.next_line().await.unwrap(), None);
    });
}
