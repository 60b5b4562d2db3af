//! From a configuration to a client: what `Config::connect` of tokio-postgres does with tokio's sockets.

use ayi::net::{TcpStream, UnixStream};
use ayi::task::JoinHandle;
use ayi::time::timeout;
use std::error::Error;
use std::future::poll_fn;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::Host;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, NoTls};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// The task that talks with the server. It ends when the client is dropped, or with the reason why it could not
/// continue.
pub type Connection = JoinHandle<std::result::Result<(), tokio_postgres::Error>>;

/// Connects to the first host of `config`. `on_message` gets what the server sends unasked: notices and notifications.
pub async fn connect(
    config: &Config,
    on_message: impl FnMut(AsyncMessage) + 'static,
) -> Result<(Client, Connection)> {
    let connecting = async {
        match socket(config).await? {
            Socket::Tcp(stream) => start(config, stream, on_message).await,
            Socket::Unix(stream) => start(config, stream, on_message).await,
        }
    };
    match config.get_connect_timeout() {
        // Without the feature `runtime`, the crate leaves this to us.
        Some(limit) => timeout(*limit, connecting).await?,
        None => connecting.await,
    }
}

async fn start(
    config: &Config,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    mut on_message: impl FnMut(AsyncMessage) + 'static,
) -> Result<(Client, Connection)> {
    let (client, mut connection) = config.connect_raw(stream, NoTls).await?;
    let connection = ayi::spawn(async move {
        while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
            on_message(message?);
        }
        Ok(())
    });
    Ok((client, connection))
}

/// Asks the server to give up the query that it is working on. Dropping the query's future does not: the server
/// continues, and only its answer is no longer wanted.
pub async fn cancel(config: &Config, token: CancelToken) -> Result<()> {
    // It has a connection of its own, because the other one is busy.
    match socket(config).await? {
        Socket::Tcp(stream) => token.cancel_query_raw(stream, NoTls).await?,
        Socket::Unix(stream) => token.cancel_query_raw(stream, NoTls).await?,
    }
    Ok(())
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

async fn socket(config: &Config) -> Result<Socket> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => {
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            // Each write leaves in one piece, and the next piece should not wait for its confirmation.
            stream.set_nodelay(true)?;
            Ok(Socket::Tcp(stream))
        }
        Some(Host::Unix(folder)) => unix(folder, port).await,
        None => unix(Path::new("/run/postgresql"), port).await,
    }
}

async fn unix(folder: &Path, port: u16) -> Result<Socket> {
    Ok(Socket::Unix(UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await?))
}
