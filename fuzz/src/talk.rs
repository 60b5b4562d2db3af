//! A client that talks to a server in the same runtime, over a pair of sockets, while time stands still. So nothing
//! takes time, and the same bytes in the same pieces give the same conversation.

use crate::input::Input;
use ayi::io::AsyncWriteExt;
use ayi::net::{TcpStream, UnixStream};
use ayi::runtime::{Builder, Runtime};
use ayi::time::{Duration, sleep, timeout};
use std::net::Shutdown;
use std::os::fd::OwnedFd;

/// The most bytes of a stream, when it is written out.
const MAX_STREAM: usize = 96 * 1024;
/// Longer than all limits of the servers: a server that says nothing for that long never will.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a client sends, described by an input.
pub struct Stream {
    pub bytes: Vec<u8>,
    /// Where the bytes are cut into pieces.
    cuts: Vec<usize>,
    /// Whether the client closes its half after that, or waits for the server's reaction.
    pub closes: bool,
}

impl Stream {
    /// Reads two bytes for the cuts and the end, then what is sent. In that, 0xff and a number repeat the byte before
    /// them so many times 64: limits are far above the length of inputs.
    pub fn read(data: &[u8]) -> Stream {
        let mut input = Input::new(data);
        let (longest, seed) = (input.choice(64), input.byte());
        let mut bytes = Vec::new();
        while !input.is_empty() && bytes.len() < MAX_STREAM {
            match (input.byte(), bytes.last().copied()) {
                (0xff, Some(last)) => bytes.resize(bytes.len() + 64 * usize::from(input.byte()), last),
                (byte, _) => bytes.push(byte),
            }
        }
        // A long stream becomes some two hundred pieces.
        let longest = longest.max(bytes.len() / 100).max(1);
        let (mut at, mut random, mut cuts) = (0, u32::from(seed), Vec::new());
        while at < bytes.len() {
            // A well-known generator (Numerical Recipes).
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            at += 1 + (random >> 8) as usize % longest;
            cuts.push(at.min(bytes.len()));
        }
        Stream { bytes, cuts, closes: seed % 4 != 0 }
    }

    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.cuts.iter().copied());
        starts.zip(&self.cuts).map(|(start, end)| &self.bytes[start..*end])
    }
}

pub fn runtime() -> Runtime {
    let built = Builder::new_current_thread().start_paused(true).build();
    built.expect("there are descriptors left")
}

/// Makes two ends of a connection. To the server it looks like TCP, whose options it does not ask for twice.
pub fn pair() -> (UnixStream, TcpStream) {
    let (client, server) = std::os::unix::net::UnixStream::pair().expect("there are descriptors left");
    client.set_nonblocking(true).expect("it is a socket");
    server.set_nonblocking(true).expect("it is a socket");
    let server = std::net::TcpStream::from(OwnedFd::from(server));
    (UnixStream::from_std(client).expect("in a runtime"), TcpStream::from_std(server).expect("in a runtime"))
}

/// Sends the pieces, each when the server has nothing left to do, and returns everything that it answers.
pub async fn say<'a>(client: UnixStream, pieces: impl Iterator<Item = &'a [u8]>, closes: bool) -> Vec<u8> {
    let write = async {
        for piece in pieces {
            if (&client).write_all(piece).await.is_err() {
                return;
            }
            // Time moves on when nothing can happen without it.
            sleep(Duration::from_nanos(1)).await;
        }
        if closes {
            let _ = client.shutdown_now(Shutdown::Write);
        }
    };
    let read = async {
        let mut answer = Vec::new();
        let mut buffer = vec![0; 4096];
        loop {
            let read = timeout(PATIENCE, client.read(&mut buffer)).await;
            match read.expect("the server neither answers nor closes") {
                Ok(n @ 1..) => answer.extend_from_slice(&buffer[..n]),
                _ => return answer,
            }
        }
    };
    ayi::join!(write, read).1
}
