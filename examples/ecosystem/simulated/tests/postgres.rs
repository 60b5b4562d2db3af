//! tokio-postgres, as it is, and a server of a hundred lines that speaks its protocol, on a network with faults.

use ayi::sim::{Failure, Faults, Sim};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{NoTls, SimpleQueryMessage};

ayi::sim::kernel!();

/// The accounts, which outlive the server's crashes.
type Accounts = Rc<RefCell<BTreeMap<String, i64>>>;

/// A message to the client: its kind, its length, and what it holds.
fn message(kind: u8, body: &[u8], to: &mut Vec<u8>) {
    to.push(kind);
    to.extend((body.len() as u32 + 4).to_be_bytes());
    to.extend(body);
}

fn ready(to: &mut Vec<u8>) {
    message(b'Z', b"I", to);
}

/// Answers a query: `SET name value`, or `GET name`.
fn answer(accounts: &Accounts, query: &str, to: &mut Vec<u8>) {
    match query.split(' ').collect::<Vec<_>>()[..] {
        ["SET", name, value] => {
            accounts.borrow_mut().insert(name.to_owned(), value.parse().expect("a number"));
            message(b'C', b"SET\0", to);
        }
        ["GET", name] => {
            // One column of text, and one row if there is such an account.
            message(b'T', b"\0\x01value\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0", to);
            if let Some(value) = accounts.borrow().get(name) {
                let value = value.to_string();
                let mut row = vec![0, 1];
                row.extend((value.len() as u32).to_be_bytes());
                row.extend(value.as_bytes());
                message(b'D', &row, to);
            }
            message(b'C', b"SELECT 1\0", to);
        }
        _ => message(b'E', b"SERROR\0C42601\0Mno such query\0\0", to),
    }
    ready(to);
}

async fn converse(stream: TcpStream, accounts: Accounts) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut body = vec![0; stream.read_u32().await? as usize - 4];
    stream.read_exact(&mut body).await?;
    let mut answers = Vec::new();
    message(b'R', &[0; 4], &mut answers);
    ready(&mut answers);
    loop {
        stream.get_mut().write_all(&answers).await?;
        answers.clear();
        let kind = stream.read_u8().await?;
        let mut body = vec![0; stream.read_u32().await? as usize - 4];
        stream.read_exact(&mut body).await?;
        if kind == b'X' {
            return Ok(());
        }
        let query = String::from_utf8_lossy(&body[..body.len().saturating_sub(1)]).into_owned();
        answer(&accounts, &query, &mut answers);
    }
}

async fn server(accounts: Accounts) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:5432").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        ayi::spawn(converse(stream, accounts.clone()));
    }
}

async fn connect() -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let config = "host=postgres user=guest dbname=bank connect_timeout=1";
    let (client, connection) = tokio_postgres::connect(config, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs a query on the connection that there is, or on a new one.
async fn query(
    connection: &mut Option<tokio_postgres::Client>,
    query: &str,
) -> Result<Vec<SimpleQueryMessage>, tokio_postgres::Error> {
    let client = match connection {
        Some(client) => client,
        None => connection.insert(connect().await?),
    };
    client.simple_query(query).await
}

async fn client(number: u32) {
    let mut connection = None;
    for value in 0..60_i64 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for text in [format!("SET account-{number} {value}"), format!("GET account-{number}")] {
            // A statement is repeated until it is answered: setting a value twice is like once.
            let rows = loop {
                match tokio::time::timeout(Duration::from_secs(1), query(&mut connection, &text)).await {
                    Ok(Ok(rows)) => break rows,
                    Ok(Err(_)) | Err(_) => connection = None,
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            let row = rows.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            if text.starts_with("GET") {
                assert_eq!(row, Some(value.to_string()));
            }
        }
    }
}

#[ayi::sim_test(seeds = 100)]
fn accounts_hold_what_was_put_there_last(sim: &Sim) -> Result<(), Failure> {
    let accounts = Accounts::default();
    sim.host("postgres", move || server(accounts.clone()));
    for number in 0..3 {
        sim.client(format!("client-{number}"), move || client(number));
    }
    let faults = Faults::new(["postgres"]).crashes().kills().pauses().partitions().resets();
    sim.faults(faults.until(Duration::from_secs(8)));
    sim.run()
}
