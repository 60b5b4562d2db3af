//! A chat: each line that somebody writes is sent to all others.
//!
//! ```sh
//! cargo run --example chat
//! nc 127.0.0.1 7000
//! ```
//!
//! Each client has two tasks: one reads its lines, the other writes what lies in its outbox. Everything is on one
//! thread, so they share `Rc`s and `RefCell`s instead of locks and channels. One rule keeps that safe: *no borrow lives
//! across an `.await`*. Between two `.await`s no other task runs.

use ayi::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use ayi::net::{TcpListener, TcpStream};
use cli::{Context, Failure};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::rc::Rc;
use std::task::{Poll, Waker};

const USAGE: &str = "usage: chat [HOST:PORT]    (without: 127.0.0.1:7000; port 0: any that is free)";

/// In bytes. A longer line is passed on in pieces, so that nobody can make us keep one that never ends.
const MAX_LINE: u64 = 1024;
/// The bytes that wait for a client that does not read, beyond what the system's own buffers hold.
const MAX_OUTBOX: usize = 64 * 1024;

type Room = Rc<RefCell<Vec<Rc<Client>>>>;

struct Client {
    name: String,
    stream: Rc<TcpStream>,
    outbox: RefCell<Vec<u8>>,
    /// The waker of the task that writes, if it waits for something in the outbox.
    writer: Cell<Option<Waker>>,
    is_too_slow: Cell<bool>,
}

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let address = cli::address(USAGE, "127.0.0.1:7000");
    let listener = TcpListener::bind(&*address).await.context(format!("cannot listen on {address}"))?;
    println!("listening on {}", listener.local_addr()?);
    let room = Room::default();
    loop {
        let (stream, _) = listener.accept().await?;
        // An error of this task means that its client has vanished. The others only see that it has left.
        ayi::spawn(chat(room.clone(), Rc::new(stream)));
    }
}

async fn chat(room: Room, stream: Rc<TcpStream>) -> io::Result<()> {
    // Lines are small, and should not wait until the client has confirmed the previous one.
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(&*stream);
    let Some(name) = ask_name(&room, &mut reader).await? else { return Ok(()) };
    let (outbox, writer, is_too_slow) = Default::default();
    let client = Rc::new(Client { name, stream: stream.clone(), outbox, writer, is_too_slow });
    room.borrow_mut().push(client.clone());
    send_to_others(&room, &client, &format!("* {} is here\n", client.name));
    let writer = ayi::spawn(write_outbox(client.clone()));
    let result = read_lines(&room, &client, &mut reader).await;
    writer.abort();
    room.borrow_mut().retain(|other| !Rc::ptr_eq(other, &client));
    let why = if client.is_too_slow.get() { "does not listen, and was sent away" } else { "has left" };
    send_to_others(&room, &client, &format!("* {} {why}\n", client.name));
    result
}

/// From the check to the push in `chat` there is no `.await`, so no two clients can get the same name.
async fn ask_name(room: &Room, reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    loop {
        reader.get_mut().write_all(b"your name?\n").await?;
        let Some(name) = read_line(reader).await? else { return Ok(None) };
        if !name.is_empty() && !room.borrow().iter().any(|client| client.name == name) {
            return Ok(Some(name));
        }
    }
}

async fn read_lines(room: &Room, client: &Rc<Client>, reader: &mut BufReader<&TcpStream>) -> io::Result<()> {
    while let Some(line) = read_line(reader).await? {
        send_to_others(room, client, &format!("{}: {line}\n", client.name));
        // The reader may hold a thousand short lines, and would go through them without waiting once. The tasks that
        // write get a turn after each line; otherwise the outboxes of good listeners would overflow.
        ayi::task::yield_now().await;
    }
    Ok(())
}

async fn read_line(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let n = reader.take(MAX_LINE).read_until(b'\n', &mut line).await?;
    Ok((n > 0).then(|| String::from_utf8_lossy(&line).trim().to_owned()))
}

fn send_to_others(room: &Room, sender: &Rc<Client>, line: &str) {
    for client in room.borrow().iter().filter(|client| !Rc::ptr_eq(client, sender)) {
        client.send(line);
    }
}

impl Client {
    /// It never waits: a client that does not read must neither hold up the one that writes, nor grow our memory.
    fn send(&self, line: &str) {
        let mut outbox = self.outbox.borrow_mut();
        if outbox.len() + line.len() > MAX_OUTBOX {
            self.is_too_slow.set(true);
            // Its reading task now reads the end of the stream, and does the rest.
            let _ = self.stream.shutdown_now(Shutdown::Both);
            return;
        }
        outbox.extend_from_slice(line.as_bytes());
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

async fn write_outbox(client: Rc<Client>) -> io::Result<()> {
    loop {
        // Everything that has gathered is sent at once. It is taken out first: no borrow lives across the `.await`.
        let lines = poll_fn(|cx| {
            let lines = client.outbox.take();
            if lines.is_empty() {
                client.writer.set(Some(cx.waker().clone()));
                return Poll::Pending;
            }
            Poll::Ready(lines)
        });
        (&*client.stream).write_all(&lines.await).await?;
    }
}
