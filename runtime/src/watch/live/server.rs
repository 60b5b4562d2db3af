//! The thread that listens, and what it answers.

use super::address::{cannot_listen, wanted, welcome};
use super::head;
use super::reply::{self, OK, Refusal, refuse, send};
use super::watchers::{Listed, rings};
use crate::core::foreign::lock;
use crate::plugged::Dumps;
use crate::watch::record::{HEADER, Reason, section};
use ayi_lens::page;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

const NAME: &str = "ayi-live";
/// Each client may cost as much memory as a ring has. Two pages that are open, and some that are reloaded, need no more.
const MOST_CLIENTS: usize = 8;
/// How often those who look on get what is new.
const BETWEEN_NEWS: Duration = Duration::from_millis(500);
/// How long is waited if a client cannot be accepted, since no descriptor is left.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

static CLIENTS: AtomicUsize = AtomicUsize::new(0);

/// Starts the live view, if the environment asks for it and it has not begun yet.
///
/// # Errors
///
/// Fails if the address is none, or if nobody can listen there.
pub(crate) fn start() -> io::Result<()> {
    static HAS_STARTED: Mutex<bool> = Mutex::new(false);
    let mut has_started = lock(&HAS_STARTED);
    if *has_started {
        return Ok(());
    }
    let Some(address) = wanted()? else { return Ok(()) };
    let failed = |error| cannot_listen(address, &error);
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    thread::Builder::new().name(NAME.into()).spawn(move || serve(&listener)).map_err(failed)?;
    *has_started = true;
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", welcome(address));
    Ok(())
}

fn serve(listener: &TcpListener) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => admit(stream),
            Err(_) => thread::sleep(AFTER_A_FAILURE),
        }
    }
}

/// Counts a client while it lives.
struct Client;

impl Drop for Client {
    fn drop(&mut self) {
        CLIENTS.fetch_sub(1, Relaxed);
    }
}

/// Gives a client a thread, if there is room. A client that is too much has one for a moment, to be told.
fn admit(mut stream: TcpStream) {
    // Relaxed: only the number counts.
    let is_full = CLIENTS.fetch_add(1, Relaxed) >= MOST_CLIENTS;
    let client = Client;
    if CLIENTS.load(Relaxed) > 2 * MOST_CLIENTS {
        return;
    }
    let converse = move || {
        let _client = client;
        // A client that is gone, or too slow, is none any more: there is nobody to tell.
        let _ = if is_full { refuse(&mut stream, &Refusal::FULL) } else { answer(&mut stream) };
    };
    // Without a thread the client is dropped, and sees the end of its connection.
    let _ = thread::Builder::new().name(NAME.into()).spawn(converse);
}

fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    match head::path(stream) {
        Ok(path) => match path.as_str() {
            "/" => send_page(stream),
            "/recording" => send_recording(stream),
            "/events" => send_events(stream),
            "/dump" => send_dump(stream),
            _ => refuse(stream, &Refusal::UNKNOWN),
        },
        Err(refusal) => refuse(stream, &refusal),
    }
}

fn send_page(stream: &mut TcpStream) -> io::Result<()> {
    let mut page = Vec::new();
    page::live(&mut page)?;
    let length = format!("Content-Length: {}\r\n", page.len());
    reply::head(stream, OK, "text/html; charset=utf-8", &length)?;
    send(stream, &page)
}

/// Sends all rings as they are now. Each is read when those before it are sent, so that only one is in memory twice.
fn send_recording(stream: &mut TcpStream) -> io::Result<()> {
    let name = format!("Content-Disposition: attachment; filename=\"{}.ayi\"\r\n", std::process::id());
    reply::head(stream, OK, "application/octet-stream", &name)?;
    send(stream, HEADER)?;
    for (ring, runtime) in rings() {
        if let Some(section) = section(ring, runtime, Reason::Asked, "", 0) {
            send(stream, &section.bytes)?;
        }
    }
    Ok(())
}

/// Sends what each task of each runtime waits for.
fn send_dump(stream: &mut TcpStream) -> io::Result<()> {
    let dump = format!("{}\n", Dumps::text());
    let length = format!("Content-Length: {}\r\n", dump.len());
    reply::head(stream, OK, "text/plain; charset=utf-8", &length)?;
    send(stream, dump.as_bytes())
}

/// Sends what is there, and then what is new, until the client is gone.
fn send_events(stream: &mut TcpStream) -> io::Result<()> {
    reply::head(stream, OK, "text/event-stream", "")?;
    let listed = Listed::new();
    let watcher = &listed.0;
    loop {
        let mut has_news = false;
        // Those that have ended first: their numbers are never used again, but their rings are.
        for section in watcher.ended() {
            send_event(stream, &section)?;
            has_news = true;
        }
        watcher.has_sent();
        for (ring, runtime) in rings() {
            if let Some(section) = watcher.news(ring, runtime) {
                send_event(stream, &section)?;
                has_news = true;
            }
        }
        if !has_news {
            send(stream, b": keep-alive\n\n")?;
        }
        watcher.wait(BETWEEN_NEWS);
    }
}

fn send_event(stream: &mut TcpStream, section: &[u8]) -> io::Result<()> {
    let mut event = Vec::new();
    page::live_event(section, &mut event)?;
    send(stream, &event)
}
