//! Rung 1: one thread, and calls that block.
//!
//! ```text
//!   thread    accept···recv·······▓ send recv·····▓ send recv···– accept recv▓ send recv ···
//!   client 1        ✓         data    ✓       data   ✓      leaves                            
//!   client 2           ✓ data                                              ✓                  
//!                      (in the kernel's queue until client 1 has left)
//!
//!   phase 1, until there is data    the thread, in recv (·)
//!   phase 2, the copy               the thread, in recv (▓)
//! ```
//!
//! Nothing is simpler: the program is the conversation, from top to bottom.
//! Costs: a second client gets nothing until the first has left, and a silent first one never leaves.
//!
//! In tokio: what `spawn_blocking` is for.

use super::{Family, Limit, Rung, USUAL};
use crate::listener::Listener;
use crate::protocol::{MESSAGE, answer};
use crate::stop::Stop;
use crate::sys;
use std::io;
use std::os::fd::OwnedFd;

pub const RUNG: Rung = Rung {
    number: "1",
    name: "blocking",
    family: Family::Threads,
    summary: "one thread, accept, then question and answer until the client leaves; the others wait",
    limit: Some(Limit { clients: 1, beyond: "one client at a time: the others wait until it leaves" }),
    serve,
    ..USUAL
};

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    while let Some(connection) = next_client(listener, stop)? {
        converse(connection, stop);
    }
    Ok(())
}

/// Blocks until the next client is there. Returns `None` if the server is to stop.
pub fn next_client(listener: &Listener, stop: &Stop) -> io::Result<Option<OwnedFd>> {
    let _interrupted = stop.interrupts(listener);
    while !stop.is_requested() {
        match listener.accept() {
            Ok(Some(connection)) => return Ok(Some(connection)),
            Ok(None) => {}
            // The stop has shut the listener down.
            Err(_) if stop.is_requested() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Reads questions and writes answers until the client leaves. Each call blocks until it has moved something, so the
/// conversation is wherever this function is. Rung 4 has to write that down.
pub fn converse(connection: OwnedFd, stop: &Stop) {
    let _interrupted = stop.interrupts(&connection);
    talk(&connection);
}

/// The same, where nobody interrupts it.
pub fn talk(connection: &OwnedFd) {
    let mut message = [0; MESSAGE];
    loop {
        let mut received = 0;
        while received < MESSAGE {
            match sys::recv(connection, &mut message[received..]) {
                // The client sends no more, or is gone.
                Ok(0) | Err(_) => return,
                Ok(bytes) => received += bytes,
            }
        }
        answer(&mut message);
        let mut sent = 0;
        while sent < MESSAGE {
            match sys::send(connection, &message[sent..]) {
                Ok(bytes) => sent += bytes,
                Err(_) => return,
            }
        }
    }
}
