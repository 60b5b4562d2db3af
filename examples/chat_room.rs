//! A chat of one room: each line that somebody writes is sent to all others.
//!
//! ```sh
//! cargo run --example chat_room
//! nc 127.0.0.1 7000
//! ```
//!
//! It is written for tokio, with `select!`, tasks, channels and a time limit, and only says `ayi` where it said
//! `tokio`: `bench/ported` compiles this same file with tokio. `chat` is the same in ayi's own manner, with `Rc` and no
//! channels.

use async_channel::{Receiver, Sender};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::time::{Duration, sleep};
use cli::{Context, Failure};
use std::collections::HashMap;
use std::io;

const USAGE: &str = "usage: chat_room [HOST:PORT]    (without: 127.0.0.1:7000; port 0: any that is free)";

/// A guest that says nothing and hears nothing for so long is asked to leave.
const PATIENCE: Duration = Duration::from_secs(600);
/// In bytes. A longer line is passed on in pieces.
const MAX_LINE: usize = 1024;
/// The messages that wait for a guest that does not read. With more, the guest has to go.
const MAX_WAITING: usize = 256;

enum Event {
    Says(u64, String),
    Leaves(u64),
}

async fn serve(address: String) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let (to_room, events) = async_channel::bounded(MAX_WAITING);
    let mut guests: HashMap<u64, Sender<String>> = HashMap::new();
    let mut last = 0;
    loop {
        ayi::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                last += 1;
                let (guest, messages) = async_channel::bounded(MAX_WAITING);
                tell_all(&mut guests, last, &format!("* {last} is here\n"));
                guests.insert(last, guest);
                let (id, room) = (last, to_room.clone());
                ayi::spawn(async move {
                    // An error means that the guest has vanished: the others only see that they have left.
                    let _ = host(stream, id, &room, messages).await;
                    let _ = room.send(Event::Leaves(id)).await;
                });
            }
            event = events.recv() => match event.expect("the room keeps a sender") {
                Event::Says(id, line) => tell_all(&mut guests, id, &format!("{id}: {line}\n")),
                Event::Leaves(id) => {
                    guests.remove(&id);
                    tell_all(&mut guests, id, &format!("* {id} has left\n"));
                }
            },
        }
    }
}

/// Tells everybody except `from`. A guest that does not keep up is dropped from the room, which ends the connection.
fn tell_all(guests: &mut HashMap<u64, Sender<String>>, from: u64, message: &str) {
    guests.retain(|id, guest| *id == from || guest.try_send(message.to_owned()).is_ok());
}

async fn host(
    stream: TcpStream,
    id: u64,
    room: &Sender<Event>,
    messages: Receiver<String>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    let (mut line, mut chunk) = (Vec::new(), [0; 512]);
    loop {
        // `read` and `recv` lose nothing when the other branch wins.
        ayi::select! {
            read = read.read(&mut chunk) => {
                let count = read?;
                if count == 0 {
                    return Ok(());
                }
                for byte in &chunk[..count] {
                    if *byte != b'\n' && line.len() < MAX_LINE {
                        line.push(*byte);
                        continue;
                    }
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    line.clear();
                    if *byte != b'\n' {
                        line.push(*byte);
                    }
                    if room.send(Event::Says(id, text)).await.is_err() {
                        return Ok(());
                    }
                }
            }
            message = messages.recv() => match message {
                Ok(message) => write.write_all(message.as_bytes()).await?,
                Err(_closed) => return Ok(()),
            },
            () = sleep(PATIENCE) => {
                write.write_all(b"* it is quiet here: good night\n").await?;
                return Ok(());
            }
        }
    }
}

fn main() -> Result<(), Failure> {
    let address = cli::address(USAGE, "127.0.0.1:7000");
    let cannot = format!("cannot listen on {address}");
    ayi::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(address)).context(cannot)
}
