//! A TFTP server (RFC 1350) for one directory, read-only, octet mode.
//!
//! ```sh
//! cargo run --example tftp -- 127.0.0.1:6969 DIRECTORY
//! curl tftp://127.0.0.1:6969/file
//! ```
//!
//! Each transfer is a task with a socket of its own. It is written for tokio, and only says `ayi` where it said `tokio`:
//! `bench/ported` compiles this same file with tokio.

use ayi::net::UdpSocket;
use ayi::task::spawn_blocking;
use ayi::time::{Duration, timeout};
use cli::{Context, Failure, Value};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

const USAGE: &str = "usage: tftp HOST:PORT DIRECTORY    (port 0: any that is free)";

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;

/// The bytes of a data packet. A shorter one is the last.
const BLOCK: usize = 512;
/// How long an answer may take, and how often a packet is sent in all.
const PATIENCE: Duration = Duration::from_millis(500);
const ATTEMPTS: usize = 5;

async fn serve(directory: PathBuf, address: String) -> io::Result<()> {
    let socket = UdpSocket::bind(address).await?;
    println!("listening on {}", socket.local_addr()?);
    let directory = Arc::new(directory);
    let mut request = [0; 1024];
    loop {
        let (len, client) = socket.recv_from(&mut request).await?;
        let (request, directory) = (request[..len].to_vec(), directory.clone());
        let interface = SocketAddr::new(socket.local_addr()?.ip(), 0);
        ayi::spawn(async move {
            if let Err(error) = answer(&request, &directory, interface, client).await {
                eprintln!("{client}: {error}");
            }
        });
    }
}

/// Does one transfer, on a port of its own, as the protocol requires.
async fn answer(
    request: &[u8],
    directory: &Path,
    interface: SocketAddr,
    client: SocketAddr,
) -> io::Result<()> {
    let socket = UdpSocket::bind(interface).await?;
    socket.connect(client).await?;
    let file = match open(request, directory).await {
        Ok(file) => file,
        Err((code, message)) => {
            let text =
                [&ERROR.to_be_bytes()[..], &u16::to_be_bytes(code), message.as_bytes(), b"\0"].concat();
            return socket.send(&text).await.map(drop);
        }
    };
    // The last block is the first that is not full. If necessary it is empty.
    for number in 1..=file.len() / BLOCK + 1 {
        let start = (number - 1) * BLOCK;
        let block = &file[start..file.len().min(start + BLOCK)];
        // The numbers of large files wrap around.
        send_block(&socket, number as u16, block).await?;
    }
    Ok(())
}

/// Sends a block until it is acknowledged.
async fn send_block(socket: &UdpSocket, number: u16, block: &[u8]) -> io::Result<()> {
    let packet = [&DATA.to_be_bytes()[..], &number.to_be_bytes(), block].concat();
    let expected = [ACK.to_be_bytes(), number.to_be_bytes()].concat();
    for _ in 0..ATTEMPTS {
        socket.send(&packet).await?;
        let acknowledged = timeout(PATIENCE, async {
            let mut reply = [0; 516];
            loop {
                let len = socket.recv(&mut reply).await?;
                if reply[..len] == expected {
                    return Ok(());
                }
                if reply[..len].starts_with(&ERROR.to_be_bytes()) {
                    return Err(io::Error::other("the client has given up"));
                }
            }
        });
        if let Ok(result) = acknowledged.await {
            return result;
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Reads the file that is asked for, or returns a TFTP error.
async fn open(request: &[u8], directory: &Path) -> Result<Vec<u8>, (u16, &'static str)> {
    const ILLEGAL: (u16, &str) = (4, "illegal operation");
    let (operation, rest) = request.split_first_chunk().ok_or(ILLEGAL)?;
    match u16::from_be_bytes(*operation) {
        READ => {}
        WRITE => return Err((2, "this server only gives")),
        _ => return Err(ILLEGAL),
    }
    let mut words = rest.split(|byte| *byte == 0);
    let (name, mode) = (words.next().ok_or(ILLEGAL)?, words.next().ok_or(ILLEGAL)?);
    if !mode.eq_ignore_ascii_case(b"octet") {
        return Err((0, "only octet mode is served"));
    }
    let name = std::str::from_utf8(name).map_err(|_| (1, "file not found"))?;
    let name = Path::new(name.trim_start_matches('/'));
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err((2, "outside of the directory that is served"));
    }
    let path = directory.join(name);
    let file = spawn_blocking(move || fs::read(path)).await.map_err(|_| (0, "the server has failed"))?;
    file.map_err(|_| (1, "file not found"))
}

fn main() -> Result<(), Failure> {
    let (address, directory) = cli::read(USAGE, |args| {
        let (mut address, mut directory) = (None, None);
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
                Value(name) if directory.is_none() => directory = Some(PathBuf::from(name)),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok((address, directory))
    });
    let address = cli::needed(USAGE, address, "HOST:PORT");
    let directory = cli::needed(USAGE, directory, "DIRECTORY");
    if let Err(error) = fs::read_dir(&directory) {
        cli::refuse(USAGE, &format!("cannot serve {}: {error}", directory.display()));
    }
    let cannot = format!("cannot listen on {address}");
    ayi::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(directory, address))
        .context(cannot)
}
