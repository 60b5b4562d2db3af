//! The command line.

use cli::{ArgError, Long, Value, ValueExt};
use sim_kv::command::{Id, Op};
use std::path::PathBuf;

const USAGE: &str = "\
usage: sim-kv serve --id N --dir DIRECTORY [HOST:PORT]...    the server with the Nth of these addresses
       sim-kv get KEY [HOST:PORT]...                         prints the value, or - if there is none
       sim-kv put KEY VALUE [HOST:PORT]...
       sim-kv cas KEY OLD NEW [HOST:PORT]...                 writes NEW if the value is OLD; -: if there is none
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
    cli::read(USAGE, |args| {
        let (mut id, mut dir, mut words) = (None, None, Vec::new());
        while let Some(arg) = args.next()? {
            match arg {
                Long("id") => id = Some(args.value()?.parse()?),
                Long("dir") => dir = Some(PathBuf::from(args.value()?)),
                Value(word) => words.push(word.string()?),
                _ => return Err(arg.unexpected()),
            }
        }
        let mut words = words.into_iter();
        let command = words.next().ok_or("a command is missing: serve, get, put or cas")?;
        let mut next = |name| words.next().ok_or_else(|| format!("{name} is missing"));
        let op = match &*command {
            "serve" => None,
            "get" => Some(Op::Get { key: next("KEY")? }),
            "put" => Some(Op::Put { key: next("KEY")?, value: next("VALUE")? }),
            "cas" => {
                let (key, old, new) = (next("KEY")?, next("OLD")?, next("NEW")?);
                Some(Op::Cas { key, old: Some(old).filter(|old| old != "-"), new })
            }
            _ => return Err(format!("there is no command {command:?}: serve, get, put or cas").into()),
        };
        let addresses = addresses(words)?;
        let command = match (op, id) {
            (Some(op), _) => Command::Ask(op),
            (None, Some(id)) if (1..=addresses.len() as Id).contains(&id) => {
                Command::Serve { id, dir: dir.ok_or("--dir is missing")? }
            }
            (None, _) => return Err(format!("--id is needed, from 1 to {}", addresses.len()).into()),
        };
        Ok(Args { command, addresses })
    })
}

fn addresses(words: impl Iterator<Item = String>) -> Result<Vec<String>, ArgError> {
    let given: Vec<_> = words.map(|word| cli::host_port(word.as_ref())).collect::<Result<_, _>>()?;
    match given.is_empty() {
        true => Ok((7001..=7003).map(|port| format!("127.0.0.1:{port}")).collect()),
        false => Ok(given),
    }
}
