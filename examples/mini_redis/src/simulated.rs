//! The server on a simulated network: clients whose connections break, and servers that crash.
//!
//! ```sh
//! cargo test -p mini_redis --bin mini_redis
//! ```

use crate::args::Args;
use crate::server::{self, Server};
use ayi::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use ayi::net::{TcpListener, TcpStream};
use ayi::sim::{Failure, Faults, Sim};
use ayi::time::{Duration, sleep, timeout};
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::rc::Rc;

ayi::sim::kernel!();

/// How often the server was started. What it held before is gone.
type Starts = Rc<Cell<u32>>;

async fn redis(starts: Starts) -> io::Result<()> {
    starts.set(starts.get() + 1);
    let address = "0.0.0.0:6379".to_owned();
    let listener = TcpListener::bind(&*address).await?;
    let args = Args { address, max_memory: usize::MAX, max_clients: 100, timeout: None };
    match server::run(&Rc::new(Server::new(&args)), listener).await? {}
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect() -> io::Result<Client> {
        Ok(Client(BufReader::new(TcpStream::connect("redis:6379").await?)))
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Sends a command. Returns its reply: what follows `+` or `:`, or a value, or nothing.
    async fn ask(&mut self, parts: &[&str]) -> io::Result<Option<String>> {
        let mut request = format!("*{}\r\n", parts.len());
        parts.iter().for_each(|part| request += &format!("${}\r\n{part}\r\n", part.len()));
        self.0.get_mut().write_all(request.as_bytes()).await?;
        self.reply().await
    }

    async fn reply(&mut self) -> io::Result<Option<String>> {
        let line = self.line().await?;
        match line.split_at(1) {
            ("$", "-1") => Ok(None),
            ("$", len) => {
                let mut value = vec![0; len.parse::<usize>().expect("a length") + 2];
                self.0.read_exact(&mut value).await?;
                value.truncate(value.len() - 2);
                Ok(Some(String::from_utf8(value).expect("it was a text")))
            }
            ("+" | ":", text) => Ok(Some(text.to_owned())),
            _ => panic!("{line:?} is no reply that is expected"),
        }
    }
}

/// Counts in the server, and knows within which bounds the counter has to be.
async fn counting_client(name: String, starts: Starts) -> io::Result<()> {
    // What may be there, since the server started last: commands without a reply may have been executed.
    let (mut least, mut most, mut of) = (0, 0, 0);
    let mut connection = None;
    for _ in 0..100 {
        sleep(Duration::from_millis(50)).await;
        let before = starts.get();
        if of != before {
            // The command before may have reached the server that is there now.
            (least, most, of) = (0, 1, before);
        }
        most += 1;
        let asked = async {
            let client = match &mut connection {
                Some(client) => client,
                None => connection.insert(Client::connect().await?),
            };
            client.ask(&["INCR", &name]).await
        };
        match timeout(Duration::from_secs(1), asked).await {
            Ok(Ok(Some(reply))) => {
                let number: u32 = reply.parse().expect("a number");
                assert!(number <= most, "{name}: {number} is more than {most}");
                if starts.get() == before {
                    assert!(number > least, "{name}: {number} is not more than {least}");
                    least = number;
                }
            }
            Ok(Ok(None)) => panic!("INCR has a reply"),
            Ok(Err(_)) | Err(_) => connection = None,
        }
    }
    Ok(())
}

#[ayi::sim_test(seeds = 60)]
fn counters_count_what_was_sent(sim: &Sim) -> Result<(), Failure> {
    let starts = Starts::default();
    let shared = starts.clone();
    sim.host("redis", move || redis(shared.clone()));
    for number in 0..3 {
        let starts = starts.clone();
        sim.client(format!("client-{number}"), move || {
            counting_client(format!("cups-{number}"), starts.clone())
        });
    }
    sim.faults(
        Faults::new(["redis"]).crashes().kills().pauses().partitions().resets().until(Duration::from_secs(8)),
    );
    sim.run()
}

/// Subscribers get all messages that were published while they were connected, in their order, also on bad links.
#[ayi::sim_test(seeds = 30)]
fn messages_arrive_in_order(sim: &Sim) -> Result<(), Failure> {
    const MESSAGES: u32 = 200;
    sim.set_loss(0.02);
    sim.set_latency(Duration::from_micros(100), Duration::from_millis(20));
    let starts = Starts::default();
    sim.host("redis", move || redis(starts.clone()));
    let subscribed = Rc::new(Cell::new(0));
    for number in 0..3 {
        let shared = subscribed.clone();
        sim.client(format!("subscriber-{number}"), move || {
            let subscribed = shared.clone();
            async move {
                sleep(Duration::from_millis(1)).await;
                let mut client = Client::connect().await?;
                client.0.get_mut().write_all(b"SUBSCRIBE tea\r\n").await?;
                // "*3", then the word, the channel, and the number of channels.
                client.line().await?;
                for _ in 0..3 {
                    client.reply().await?;
                }
                subscribed.set(subscribed.get() + 1);
                for message in 0..MESSAGES {
                    client.line().await?;
                    client.reply().await?;
                    client.reply().await?;
                    assert_eq!(client.reply().await?, Some(message.to_string()));
                }
                io::Result::Ok(())
            }
        });
    }
    sim.client("publisher", move || {
        let subscribed = subscribed.clone();
        async move {
            while subscribed.get() < 3 {
                sleep(Duration::from_millis(10)).await;
            }
            let mut client = Client::connect().await?;
            for message in 0..MESSAGES {
                let receivers = client.ask(&["PUBLISH", "tea", &message.to_string()]).await?;
                assert_eq!(receivers.as_deref(), Some("3"));
            }
            io::Result::Ok(())
        }
    });
    sim.run()
}
