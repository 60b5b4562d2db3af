//! From an address to a connection: what `Client::get_multiplexed_async_connection` does with tokio's sockets.

use ayi::net::{TcpStream, UnixStream};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ErrorKind, IntoConnectionInfo, Msg, ProtocolVersion, RedisError,
    RedisResult,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// Connects to `server`, such as `redis://127.0.0.1:6379` or `unix:///run/redis/redis.sock`. Clones of the returned
/// value share the connection, which ends with the last one. `on_message` gets what comes on subscribed channels.
pub async fn connect(
    server: &str,
    on_message: impl Fn(Msg) + Send + Sync + 'static,
) -> RedisResult<MultiplexedConnection> {
    let info = server.into_connection_info()?;
    // The third version sends messages alongside answers, so one connection is enough for both.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let config = AsyncConnectionConfig::new()
        // The crate would count the time with tokio's timers, which need a runtime of tokio's. Use `ayi::time::timeout`.
        .set_response_timeout(None)
        .set_push_sender(move |push| {
            if let Some(message) = Msg::from_push_info(push) {
                on_message(message);
            }
            Ok::<(), ()>(())
        });
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            // Each write leaves in one piece, and the next piece should not wait for its confirmation.
            stream.set_nodelay(true)?;
            start(&settings, stream, config).await
        }
        ConnectionAddr::Unix(path) => start(&settings, UnixStream::connect(path).await?, config).await,
        _ => Err(RedisError::from((ErrorKind::InvalidClientConfig, "only TCP and Unix sockets are handled"))),
    }
}

async fn start(
    settings: &redis::RedisConnectionInfo,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    config: AsyncConnectionConfig,
) -> RedisResult<MultiplexedConnection> {
    let (connection, driver) = MultiplexedConnection::new_with_config(settings, stream, config).await?;
    // The task that moves the bytes. It ends when all clones of the connection are gone, or the server is.
    ayi::spawn(driver);
    Ok(connection)
}
