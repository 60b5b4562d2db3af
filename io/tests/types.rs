//! Which types may be sent, shared, moved, and which are shown. The futures of the methods may not be moved, so that they
//! may become `async fn`s.

use ayi_io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, BufStream, BufWriter, Chain, Empty, Join, Lines, ReadBuf, Repeat, Sink, Split,
    Take,
};
use std::fmt::Debug;
use std::io::SeekFrom;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;

/// Is ambiguous for what is `Unpin`, and so does not compile.
trait MayNotBeMoved<A> {
    fn may_not_be_moved(&self) {}
}
impl<T: ?Sized> MayNotBeMoved<()> for T {}
impl<T: ?Sized + Unpin> MayNotBeMoved<PhantomPinned> for T {}

fn is_free<T: Send + Sync + Unpin + Debug + UnwindSafe + RefUnwindSafe>() {}
fn is_shared(_: &(impl Send + Sync + Debug)) {}

type Stream = std::io::Cursor<Vec<u8>>;

#[test]
fn streams_are_as_free_as_what_is_in_them() {
    is_free::<BufReader<Stream>>();
    is_free::<BufStream<Stream>>();
    is_free::<BufWriter<Stream>>();
    is_free::<Chain<Stream, Stream>>();
    is_free::<Empty>();
    is_free::<Join<Stream, Stream>>();
    is_free::<Lines<Stream>>();
    is_free::<Repeat>();
    is_free::<Sink>();
    is_free::<Split<Stream>>();
    is_free::<Take<Stream>>();
    fn is_free_with_a_lifetime<T: Send + Sync + Unpin + Debug>() {}
    is_free_with_a_lifetime::<ReadBuf<'static>>();
}

/// `dyn` streams, as pins and by reference, have all methods.
#[test]
fn futures_may_be_sent_and_shared_and_not_be_moved() {
    trait All: AsyncBufRead + AsyncWrite + AsyncSeek + Send + Sync + Debug {}
    impl<T: AsyncBufRead + AsyncWrite + AsyncSeek + Send + Sync + Debug> All for T {}
    macro_rules! check {
        ($($method:ident($($argument:expr),*))*) => { $({
            let stream: &mut (dyn All + Unpin) = &mut std::io::Cursor::new(Vec::new());
            is_shared(&stream.$method($($argument),*));
            stream.$method($($argument),*).may_not_be_moved();
        })* };
    }
    check! {
        read(&mut [0]) read_exact(&mut [0]) read_to_end(&mut Vec::new()) read_to_string(&mut String::new())
        read_u8() read_i16() read_u32_le() read_f64() read_i128_le()
        write(b"x") write_vectored(&[]) write_all(b"x") flush() shutdown()
        write_u8(1) write_i16(1) write_u32_le(1) write_f64(1.0) write_i128_le(1)
        fill_buf() read_until(0, &mut Vec::new()) read_line(&mut String::new())
        seek(SeekFrom::Start(0)) rewind() stream_position()
    }
    #[cfg(feature = "bytes")]
    check! { read_buf(&mut Vec::new()) }
    #[cfg(feature = "bytes")]
    {
        let (mut stream, mut buf) = (std::io::Cursor::new(Vec::new()), &b"x"[..]);
        let future = stream.write_buf(&mut buf);
        is_shared(&future);
        future.may_not_be_moved();
        let future = stream.write_all_buf(&mut buf);
        is_shared(&future);
        future.may_not_be_moved();
    }
    let mut pinned: Pin<Box<dyn All>> = Box::pin(std::io::Cursor::new(Vec::new()));
    is_shared(&pinned.read(&mut [0]));
    let mut lines = (&b""[..]).lines();
    lines.next_line().may_not_be_moved();
}

#[test]
fn the_traits_make_objects() {
    fn is_object<T: ?Sized>() {}
    is_object::<dyn AsyncRead>();
    is_object::<dyn AsyncBufRead>();
    is_object::<dyn AsyncSeek>();
    is_object::<dyn AsyncWrite>();
}
