//! One connection to PostgreSQL, and the tables.

use crate::config::Settings;
use ayi::net::{TcpStream, UnixStream};
use ayi::time::{Duration, timeout};
use cli::{Context, Failure};
use std::error::Error;
use std::fs;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A database that does not answer within this time is away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What makes the tables, in order. New ones are added at the end, and none is ever changed.
const MIGRATIONS: [&str; 2] = [
    "CREATE TABLE links (
        slug text PRIMARY KEY,
        url text NOT NULL,
        created timestamptz NOT NULL DEFAULT now()
    )",
    "ALTER TABLE links ADD CONSTRAINT lengths CHECK (length(slug) BETWEEN 1 AND 64 AND length(url) <= 2048)",
];

/// Cores and processes that start at the same time make the tables one after the other. It is any number that no other
/// program locks.
const LOCK: i64 = 0x6c69_6e6b;

/// Connects, and sees to it that the tables are there.
pub async fn connect(settings: &Settings) -> Result<Client> {
    timeout(PATIENCE, async {
        let mut config: Config = settings.database.parse()?;
        if let Some(file) = &settings.database_password_file {
            let password =
                fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            config.password(password.trim_end());
        }
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let mut client = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => {
                let connected = TcpStream::connect((host.as_str(), port)).await;
                let stream = connected.context(format!("cannot connect to {host}:{port}"))?;
                stream.set_nodelay(true)?;
                start(&config, stream).await?
            }
            Some(Host::Unix(folder)) => start(&config, unix(folder, port).await?).await?,
            None => start(&config, unix(Path::new("/run/postgresql"), port).await?).await?,
        };
        migrate(&mut client).await?;
        let limit = format!("SET statement_timeout = {}", settings.statement_timeout_ms);
        client.batch_execute(&limit).await?;
        Ok(client)
    })
    .await?
}

async fn unix(folder: &Path, port: u16) -> std::result::Result<UnixStream, Failure> {
    let path = folder.join(format!(".s.PGSQL.{port}"));
    UnixStream::connect(&path).await.context(format!("cannot connect to {}", path.display()))
}

/// Makes a client of a stream. A task of this core moves its bytes, until the client is dropped.
async fn start(config: &Config, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> Result<Client> {
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    ayi::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = %cli::with_causes(&error), "a connection to the database has ended");
        }
    });
    Ok(client)
}

async fn migrate(client: &mut Client) -> Result<()> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    transaction.batch_execute("CREATE TABLE IF NOT EXISTS migrations (number int PRIMARY KEY)").await?;
    let done: i64 = transaction.query_one("SELECT count(*) FROM migrations", &[]).await?.get(0);
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(done as usize) {
        transaction.batch_execute(migration).await?;
        transaction.execute("INSERT INTO migrations VALUES ($1)", &[&(number as i32)]).await?;
        tracing::info!(number, "the tables were changed");
    }
    Ok(transaction.commit().await?)
}
