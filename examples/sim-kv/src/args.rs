//! The command line.

use sim_kv::command::{Id, Op};
use std::path::PathBuf;

const USAGE: &str = "\
usage: sim-kv serve --id N --dir DIRECTORY [IP:PORT]...    the server with the Nth of these addresses
       sim-kv get KEY [IP:PORT]...                         prints the value, or - if there is none
       sim-kv put KEY VALUE [IP:PORT]...
       sim-kv cas KEY OLD NEW [IP:PORT]...                 writes NEW if the value is OLD; -: if there is none
Addresses are those of all servers, in the same order everywhere. Without: 127.0.0.1:7001, :7002 and :7003.
The exit code is 0, or 1 if cas has found another value, or 2 if something went wrong.";

pub struct Args {
    pub command: Command,
    pub addresses: Vec<String>,
}

pub enum Command {
    Serve { id: Id, dir: PathBuf },
    Ask(Op),
}

pub fn read() -> Args {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("{USAGE}");
        std::process::exit(0)
    }
    parse(args).unwrap_or_else(|| {
        eprintln!("{USAGE}");
        std::process::exit(2)
    })
}

fn parse(args: Vec<String>) -> Option<Args> {
    let mut args = args.into_iter();
    let command = match args.next()?.as_str() {
        "serve" => return parse_serve(args),
        "get" => Op::Get { key: args.next()? },
        "put" => Op::Put { key: args.next()?, value: args.next()? },
        "cas" => Op::Cas { key: args.next()?, old: args.next().filter(|old| old != "-"), new: args.next()? },
        _ => return None,
    };
    Some(Args { command: Command::Ask(command), addresses: addresses(args.collect())? })
}

fn parse_serve(mut args: impl Iterator<Item = String>) -> Option<Args> {
    let (mut id, mut dir, mut rest) = (None, None, Vec::new());
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--id" => id = Some(args.next()?.parse().ok()?),
            "--dir" => dir = Some(PathBuf::from(args.next()?)),
            _ => rest.push(arg),
        }
    }
    let (id, addresses) = (id?, addresses(rest)?);
    (1..=addresses.len() as Id).contains(&id).then_some(())?;
    Some(Args { command: Command::Serve { id, dir: dir? }, addresses })
}

fn addresses(args: Vec<String>) -> Option<Vec<String>> {
    if args.is_empty() {
        return Some((7001..=7003).map(|port| format!("127.0.0.1:{port}")).collect());
    }
    args.iter().all(|arg| !arg.starts_with('-') && arg.contains(':')).then_some(args)
}
