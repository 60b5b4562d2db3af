//! A short run, recorded when the site is built, on the page that `ayi-lens` makes of recordings.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::{Builder, Record};
use ayi::task;
use ayi::time::{Duration, sleep, timeout};
use ayi_lens::{page, recording};
use std::io::{self, Cursor};

/// Runs a server with three clients for a moment, and returns the page.
pub fn record() -> io::Result<Vec<u8>> {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.name("a server and three clients").record(Record::new()).build()?;
    let snapshot = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = task::Builder::new().name("accept").spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let name = format!("serves {peer}");
                drop(task::Builder::new().name(&name).spawn(echo(stream)));
            }
        })?;
        let mut clients = task::JoinSet::new();
        for number in 1..=3 {
            clients.spawn(ask(address, number));
        }
        while let Some(client) = clients.join_next().await {
            client.map_err(io::Error::other)??;
        }
        server.abort();
        Ok::<_, io::Error>(runtime.handle().snapshot())
    })?;
    let snapshot = snapshot.ok_or_else(|| io::Error::other("the runtime has recorded nothing"))?;
    let mut bytes = Cursor::new(snapshot.as_bytes());
    let recording = recording::read(&mut bytes);
    let mut html = Vec::new();
    page::page(&recording, &mut bytes, page::LARGEST, &mut html)?;
    Ok(html)
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        match timeout(Duration::from_secs(1), stream.read(&mut buffer)).await?? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

async fn ask(address: std::net::SocketAddr, number: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    for _ in 0..3 {
        sleep(Duration::from_micros(300 * number)).await;
        stream.write_all(b"water, please").await?;
        stream.read_exact(&mut [0; 13]).await?;
    }
    Ok(())
}
