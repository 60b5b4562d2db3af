//! A server and three clients share one thread. Who has to wait leaves a waker at its descriptor.

use crate::{Said, recorded};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::task;
use ayi::time::{Duration, sleep};
use std::io;
use std::net::SocketAddr;

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

async fn ask(address: SocketAddr, number: u64, said: Said) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    for question in 1..=2 {
        sleep(Duration::from_millis(2 * number)).await;
        stream.write_all(b"water, please").await?;
        stream.read_exact(&mut [0; 13]).await?;
        if question == 2 {
            said.say(format!("client {number} has two answers"));
        }
    }
    Ok(())
}

pub fn run(said: &Said) -> io::Result<Vec<u8>> {
    recorded("a server and three clients", async || {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = task::Builder::new().name("accept").spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                drop(task::Builder::new().name(&format!("serves {peer}")).spawn(echo(stream)));
            }
        })?;
        let clients: Vec<_> = (1..=3).map(|number| ayi::spawn(ask(address, number, said.clone()))).collect();
        for client in clients {
            client.await??;
        }
        server.abort();
        Ok(())
    })
}
