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
use cli::{Context, Failure, Long, Value, ValueExt};
use std::rc::Rc;
use tree::Tree;

const USAGE: &str = "\
usage: files ROOT [HOST:PORT] [--timeout MS]
  ROOT            the directory whose files are served
  HOST:PORT       where to listen (port 0: any that is free)                   127.0.0.1:8000
  --timeout MS    for a request to arrive, or 256 KiB of a response to leave   30000";

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let args = Args::read();
    let tree = match Tree::new(&args.root).await {
        Ok(tree) => Rc::new(tree),
        Err(error) => {
            let error = format!("cannot serve {}: {error}; name a directory to serve", args.root);
            cli::refuse(USAGE, &error)
        }
    };
    let listener =
        TcpListener::bind(&*args.address).await.context(format!("cannot listen on {}", args.address))?;
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
    address: String,
    limit: Duration,
}

impl Args {
    fn read() -> Args {
        let (root, address, limit) = cli::read(USAGE, |args| {
            let (mut root, mut address, mut limit) = (None, None, Duration::from_secs(30));
            while let Some(arg) = args.next()? {
                match arg {
                    Long("timeout") => limit = Duration::from_millis(cli::positive(args)? as u64),
                    Value(name) if root.is_none() => root = Some(name.string()?),
                    Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
                    _ => return Err(arg.unexpected()),
                }
            }
            Ok((root, address, limit))
        });
        let root = cli::needed(USAGE, root, "ROOT, the directory to serve,");
        Args { root, address: address.unwrap_or_else(|| "127.0.0.1:8000".into()), limit }
    }
}
