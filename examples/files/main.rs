//! A server for the files below a directory, over HTTP/1.1.
//!
//! ```sh
//! cargo run --release --features fs --example files -- . 127.0.0.1:8000
//! curl -O -C - 127.0.0.1:8000/README.md
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `main` | the command line; accepts connections |
//! | `connection` | talks with one client: reads requests, sends files |
//! | `tree` | which file belongs to which path, and which belong to none |
//! | `request` | the head of a request, and the part of a file that it asks for |
//!
//! It serves regular files below ROOT whose path consists of UTF-8 and of names that do not begin with a dot. A
//! symbolic link is followed as long as it leads to such a file. Somebody who may change the tree while a request is
//! answered could win a race and lead it elsewhere: serve only what nobody else can write. There are no lists of
//! directories.

mod connection;
mod request;
mod tree;

use ayi::net::TcpListener;
use ayi::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use tree::Tree;

const USAGE: &str = "\
usage: files ROOT [IP:PORT] [--timeout MS]
  ROOT            the directory whose files are served
  IP:PORT         where to listen (port 0: any that is free)                   127.0.0.1:8000
  --timeout MS    for a request to arrive, or 256 KiB of a response to leave   30000";

#[ayi::main]
async fn main() -> io::Result<()> {
    let args = Args::parse().unwrap_or_else(|error| refuse(&error));
    let tree = match Tree::new(&args.root).await {
        Ok(tree) => Rc::new(tree),
        Err(error) => refuse(&format!("cannot serve {}: {error}; name a directory to serve", args.root)),
    };
    let listener = TcpListener::bind(args.address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        let tree = tree.clone();
        ayi::spawn(async move {
            if let Err(error) = connection::serve(&tree, stream, args.limit).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

struct Args {
    root: String,
    address: SocketAddr,
    limit: Duration,
}

impl Args {
    fn parse() -> Result<Args, String> {
        let (mut root, mut address, mut limit) = (None, None, Duration::from_secs(30));
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            if arg == "--timeout" {
                let ms = args.next().and_then(|ms| ms.parse().ok()).filter(|ms| *ms > 0);
                limit = ms
                    .map(Duration::from_millis)
                    .ok_or("--timeout wants a number of milliseconds after it")?;
            } else if arg.starts_with("--") {
                return Err(format!("there is no option {arg}; a directory of this name is ./{arg}"));
            } else if root.is_none() {
                root = Some(arg);
            } else if address.is_none() {
                let parsed = arg.parse();
                address = Some(parsed.map_err(|_| format!("{arg} is no IP:PORT, as 127.0.0.1:8000 is"))?);
            } else {
                return Err(format!("{arg} is one argument too many; one ROOT and one IP:PORT are enough"));
            }
        }
        let root = root.ok_or("ROOT is missing; name a directory to serve")?;
        Ok(Args { root, address: address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8000))), limit })
    }
}

fn refuse(error: &str) -> ! {
    eprintln!("files: {error}\n{USAGE}");
    std::process::exit(2)
}
