//! Clients of `examples/http` that send requests without end, and know which request has to be answered.
//!
//! A client of HTTP usually cannot know that: a server may close an idle connection just when the next request is on
//! its way (RFC 9112, 9.3.1 and 9.5). So these send the beginning of a request together with the previous one. When
//! that is answered, the server has seen the beginning of the other, and owes an answer.

use super::http::{Client, GET};
use super::wait_until;
use std::iter::zip;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The number of clients of each kind.
const CLIENTS: usize = 4;
/// The time between two requests of a client. All clients together still send thousands in each second, and the machine
/// has time for other tests.
const PAUSE: Duration = Duration::from_millis(2);
const POST: [&str; 2] = ["POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nto", "get"];

pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<u16>>>,
}

struct Shared {
    address: SocketAddr,
    is_over: AtomicBool,
    /// By connections that are kept, and by others.
    answered: [AtomicUsize; 2],
    raced: AtomicUsize,
}

/// What happened to the requests. Those that were owed an answer have got it.
#[derive(Debug)]
pub struct Outcome {
    pub answered: usize,
    /// How many were sent on a connection that the server was closing.
    pub raced: usize,
    /// The client's ports of new connections that were made, and ended without an answer.
    pub lost: Vec<u16>,
}

impl Load {
    pub fn start(address: SocketAddr) -> Load {
        let (is_over, answered, raced) = Default::default();
        let shared = Arc::new(Shared { address, is_over, answered, raced });
        let kinds: [fn(&Shared) -> Vec<u16>; 2] = [keep_one_connection, connect_for_each_request];
        let clients = kinds.into_iter().cycle().take(2 * CLIENTS);
        let clients = clients.map(|kind| {
            thread::spawn({
                let shared = shared.clone();
                move || kind(&shared)
            })
        });
        Load { clients: clients.collect(), shared }
    }

    /// Waits until so many requests of each kind have been answered.
    pub fn wait_for(&self, requests: usize) {
        let goal = self.answered().map(|before| before + requests);
        wait_until("there is load", || zip(self.answered(), goal).all(|(now, goal)| now >= goal));
    }

    fn answered(&self) -> [usize; 2] {
        self.shared.answered.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Waits until the clients have no server to ask any longer.
    pub fn ended(mut self) -> Outcome {
        let lost = self.clients.drain(..).flat_map(|client| client.join().expect("what was owed has come"));
        let (lost, raced) = (lost.collect(), self.shared.raced.load(Ordering::Relaxed));
        Outcome { answered: self.answered().iter().sum(), raced, lost }
    }

    pub fn stop(self) -> Outcome {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.ended()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// Sends requests until the load is over, or nobody listens.
fn keep_one_connection(shared: &Shared) -> Vec<u16> {
    let mut lost = Vec::new();
    while let Some(mut client) = Client::try_new(shared.address).filter(|_| !shared.is_over()) {
        let port = client.port();
        let mut is_new = true;
        loop {
            client.try_send([GET, POST[0]].concat());
            let Some(first) = client.response_or_end() else {
                if is_new {
                    lost.push(port)
                } else {
                    shared.raced.fetch_add(1, Ordering::Relaxed);
                }
                break;
            };
            first.expect(200, "hello\n");
            assert!(!first.is_last(), "the server has read the beginning of another request");
            client.send(POST[1]);
            let second = client.response();
            second.expect(200, "toget");
            shared.answered[0].fetch_add(1, Ordering::Relaxed);
            is_new = false;
            // A client that sees the end sends nothing more.
            if second.is_last() || client.has_ended() || shared.is_over() {
                break;
            }
            thread::sleep(PAUSE);
        }
    }
    lost
}

fn connect_for_each_request(shared: &Shared) -> Vec<u16> {
    let mut lost = Vec::new();
    while let Some(mut client) = Client::try_new(shared.address).filter(|_| !shared.is_over()) {
        client.try_send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        match client.response_or_end() {
            Some(response) => {
                response.expect(200, "hello\n");
                client.expect_end();
                shared.answered[1].fetch_add(1, Ordering::Relaxed);
            }
            None => lost.push(client.port()),
        }
        thread::sleep(PAUSE);
    }
    lost
}
