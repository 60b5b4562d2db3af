//! How much memory it takes, which cannot be seen from outside.

use super::*;
use std::task::Waker;

/// A writer that takes so many bytes, and then none.
struct Takes(usize);

impl AsyncWrite for Takes {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let taken = buf.len().min(std::mem::take(&mut self.0));
        if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn write(buffer: &mut WriteBuffer, n: usize) -> Poll<io::Result<()>> {
    buffer.poll_write_to(Pin::new(&mut Takes(n)), &mut Context::from_waker(Waker::noop()))
}

#[test]
fn who_is_always_behind_does_not_make_it_grow() {
    let mut buffer = WriteBuffer::new(100).with_limit(1_000);
    buffer.write_all(&[0; 900]).unwrap();
    for _ in 0..1_000 {
        buffer.write_all(&[0; 100]).unwrap();
        assert!(write(&mut buffer, 100).is_pending());
        assert_eq!(buffer.len(), 900);
    }
    assert!(buffer.bytes.capacity() <= 4_000, "{} bytes of memory for 1,000", buffer.bytes.capacity());
}

#[test]
fn an_empty_one_keeps_what_is_below_the_high_water_mark() {
    let mut buffer = WriteBuffer::new(100);
    assert_eq!(buffer.bytes.capacity(), 0);
    buffer.write_all(&[0; 90]).unwrap();
    assert!(write(&mut buffer, 90).is_ready() && buffer.is_empty());
    assert!(buffer.bytes.capacity() >= 90);
    buffer.write_all(&[0; 10_000]).unwrap();
    assert!(write(&mut buffer, 10_000).is_ready());
    assert!((90..=200).contains(&buffer.bytes.capacity()));
}
