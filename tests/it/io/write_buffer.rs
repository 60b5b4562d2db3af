//! `io::WriteBuffer`: what it takes, and what is left of it.

use crate::support::{poll_once, run};
use ayi::io::{AsyncReadExt, WriteBuffer, duplex};
use std::io::{ErrorKind, Write};
use std::pin::pin;

#[test]
fn pieces_leave_together_and_in_order() {
    run(async || {
        let (mut ours, mut theirs) = duplex(1024);
        let mut output = WriteBuffer::new(20);
        for number in 0..3 {
            assert!(!output.is_high());
            writeln!(output, "number {number}").unwrap();
        }
        assert!(output.is_high() && output.len() == 27);
        output.write_to(&mut ours).await.unwrap();
        assert!(output.is_empty() && !output.is_high());
        let mut read = [0; 100];
        let n = theirs.read(&mut read).await.unwrap();
        assert_eq!(&read[..n], b"number 0\nnumber 1\nnumber 2\n");
        // Writing nothing is no write.
        drop(theirs);
        output.write_to(&mut ours).await.unwrap();
        output.write_all(b"x").unwrap();
        assert_eq!(output.write_to(&mut ours).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_write_that_is_dropped_goes_on_where_it_was() {
    run(async || {
        let (mut ours, mut theirs) = duplex(4);
        let (mut output, mut read) = (WriteBuffer::new(16), [0; 10]);
        output.write_all(b"0123456").unwrap();
        assert!(poll_once(pin!(output.write_to(&mut ours))).is_pending());
        assert_eq!(output.len(), 3);
        output.write_all(b"789").unwrap();
        theirs.read_exact(&mut read[..4]).await.unwrap();
        assert!(poll_once(pin!(output.write_to(&mut ours))).is_pending());
        theirs.read_exact(&mut read[4..8]).await.unwrap();
        assert!(poll_once(pin!(output.write_to(&mut ours))).is_ready());
        theirs.read_exact(&mut read[8..]).await.unwrap();
        assert_eq!((&read, output.is_empty()), (b"0123456789", true));
    });
}

#[test]
fn what_is_over_the_limit_is_refused_as_a_whole() {
    run(async || {
        let (mut ours, mut theirs) = duplex(4);
        let mut output = WriteBuffer::new(4).with_limit(10);
        output.write_all(b"0123456").unwrap();
        let error = output.write_all(b"abcd").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(error.to_string().contains("7 bytes wait") && error.to_string().contains("limit of 10"));
        assert_eq!(output.len(), 7);
        // What has been taken no longer counts.
        assert!(poll_once(pin!(output.write_to(&mut ours))).is_pending());
        output.write_all(b"789abcd").unwrap();
        assert!(output.write_all(b"e").is_err());
        output.clear();
        assert!(output.is_empty());
        let mut read = [0; 4];
        theirs.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"0123");
    });
}
