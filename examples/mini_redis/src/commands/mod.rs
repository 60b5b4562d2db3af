//! Which code belongs to which name.
//!
//! Most commands are executed at once, so that they are atomic. A few may take long, because of how much other clients
//! have stored. They check their arguments, and ask to be [continued](go_on), where they give way in between.

mod keys;
mod messages;
mod strings;
mod talk;

use crate::pubsub::{Kind, Subscriptions};
use crate::resp::{Args, Replies, parse_i64};
use crate::server::Server;
use crate::store::Store;
use crate::turn::Turn;
use ayi::net::TcpStream;
use std::borrow::Cow;
use std::rc::Rc;

/// A command to be executed.
pub struct Call<'a> {
    pub server: &'a Server,
    pub store: &'a mut Store,
    pub client: &'a mut Client,
    /// The first argument is the command's name.
    pub args: Args<'a>,
    pub replies: &'a mut Replies,
    /// What is left to be done.
    pub rest: Option<Rest>,
}

/// Returns whether a key counts.
type Count = fn(&mut Store, &[u8]) -> bool;

/// The parts of commands that take too long to be done at once.
#[derive(Clone, Copy)]
pub enum Rest {
    Keys,
    Count(Count),
    Flush,
    Config,
    Publish,
    Subscribe(Kind),
    Unsubscribe(Kind),
    Reset,
}

/// A command of which a part is still to be done, while other clients have their turns. So it has no store: it borrows
/// the store when it needs it, and never while it gives way.
pub struct Going<'a> {
    pub server: &'a Server,
    pub client: &'a mut Client,
    pub args: Args<'a>,
    pub replies: &'a mut Replies,
    pub turn: &'a mut Turn,
}

/// What is known of a client.
pub struct Client {
    pub id: u64,
    stream: Rc<TcpStream>,
    name: Vec<u8>,
    pub subscriptions: Option<Subscriptions>,
    /// The client gets what is in the replies, and nothing more.
    pub is_leaving: bool,
}

impl Client {
    pub fn new(id: u64, stream: Rc<TcpStream>) -> Client {
        Client { id, stream, name: Vec::new(), subscriptions: None, is_leaving: false }
    }
}

/// What the client is told if a command fails. It begins with a code.
pub struct Error(Cow<'static, [u8]>);

impl Error {
    const SYNTAX: Error = Error(Cow::Borrowed(b"ERR syntax error"));
    const NO_INTEGER: Error = Error(Cow::Borrowed(b"ERR value is not an integer or out of range"));
    const TOO_LONG: Error =
        Error(Cow::Borrowed(b"ERR string exceeds maximum allowed size (proto-max-bulk-len)"));

    fn wrong_arity(command: &str) -> Error {
        format!("ERR wrong number of arguments for '{command}' command").into()
    }
}

impl From<&'static str> for Error {
    fn from(text: &'static str) -> Error {
        Error(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for Error {
    fn from(text: String) -> Error {
        Error(text.into_bytes().into())
    }
}

type Outcome = Result<(), Error>;

struct Command {
    /// In lower case.
    name: &'static str,
    /// How many arguments, including the name. Below zero it means at least so many.
    arity: isize,
    traits: u8,
    run: fn(&mut Call<'_>) -> Outcome,
}

/// It adds to the store, so it is refused when the store is full.
const GROWS: u8 = 1;
/// It is allowed to a client that listens to something.
const LISTENS: u8 = 2;

const fn command(name: &'static str, arity: isize, traits: u8, run: fn(&mut Call<'_>) -> Outcome) -> Command {
    Command { name, arity, traits, run }
}

/// They are looked up in this order, so the most frequent come first.
static COMMANDS: &[Command] = &[
    command("get", 2, 0, strings::get),
    command("set", -3, GROWS, strings::set),
    command("incr", 2, GROWS, strings::incr),
    command("mset", -3, GROWS, strings::mset),
    command("mget", -2, 0, strings::mget),
    command("del", -2, 0, keys::del),
    command("publish", 3, 0, messages::publish),
    command("ping", -1, LISTENS, talk::ping),
    command("exists", -2, 0, keys::exists),
    command("expire", -3, 0, keys::expire),
    command("setex", 4, GROWS, strings::setex),
    command("psetex", 4, GROWS, strings::psetex),
    command("setnx", 3, GROWS, strings::setnx),
    command("getset", 3, GROWS, strings::getset),
    command("getdel", 2, 0, strings::getdel),
    command("decr", 2, GROWS, strings::decr),
    command("incrby", 3, GROWS, strings::incrby),
    command("decrby", 3, GROWS, strings::decrby),
    command("append", 3, GROWS, strings::append),
    command("strlen", 2, 0, strings::strlen),
    command("unlink", -2, 0, keys::del),
    command("pexpire", -3, 0, keys::pexpire),
    command("expireat", -3, 0, keys::expireat),
    command("pexpireat", -3, 0, keys::pexpireat),
    command("ttl", 2, 0, keys::ttl),
    command("pttl", 2, 0, keys::pttl),
    command("persist", 2, 0, keys::persist),
    command("type", 2, 0, keys::kind),
    command("keys", 2, 0, keys::keys),
    command("dbsize", 1, 0, keys::dbsize),
    command("flushdb", -1, 0, keys::flush),
    command("flushall", -1, 0, keys::flush),
    command("subscribe", -2, LISTENS, messages::subscribe),
    command("unsubscribe", -1, LISTENS, messages::unsubscribe),
    command("psubscribe", -2, LISTENS, messages::psubscribe),
    command("punsubscribe", -1, LISTENS, messages::punsubscribe),
    command("echo", 2, 0, talk::echo),
    command("select", 2, 0, talk::select),
    command("hello", -1, 0, talk::hello),
    command("client", -2, 0, talk::client),
    command("command", -1, 0, talk::command),
    command("config", -2, 0, talk::config),
    command("info", -1, 0, talk::info),
    command("reset", 1, LISTENS, talk::reset),
    command("quit", -1, LISTENS, talk::quit),
    // A browser sends this if it was tricked into talking to us. The requests that should be executed would follow.
    command("post", -1, 0, talk::no_web_server),
    command("host:", -1, 0, talk::no_web_server),
];

fn find(name: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(name))
}

/// How many bytes are shown of a command that was not understood.
const SHOWN: usize = 128;

/// The error shows some of the arguments, so that a typing error can be seen.
fn unknown(args: Args<'_>) -> Error {
    let mut shown = Vec::new();
    for arg in args.iter().skip(1) {
        if shown.len() >= SHOWN {
            break;
        }
        let len = arg.len().min(SHOWN - shown.len());
        shown.extend([b"'", &arg[..len], b"' "].concat());
    }
    let name = &args[0][..args[0].len().min(SHOWN)];
    Error([b"ERR unknown command '", name, b"', with args beginning with: ", &shown].concat().into())
}

fn unknown_subcommand(args: Args<'_>) -> Error {
    let command = args[0].to_ascii_uppercase();
    let name = &args[1][..args[1].len().min(SHOWN)];
    Error([b"ERR unknown subcommand '", name, b"'. Try ", &command, b" HELP."].concat().into())
}

fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

fn integer(arg: &[u8]) -> Result<i64, Error> {
    parse_i64(arg).ok_or(Error::NO_INTEGER)
}

/// Returns what is left to be done of it.
#[must_use]
pub fn execute(mut call: Call<'_>) -> Option<Rest> {
    if call.args.len() == 0 {
        return None;
    }
    let commands = &call.server.counts.commands;
    commands.set(commands.get() + 1);
    if let Err(Error(text)) = run(&mut call) {
        call.replies.error(&text);
    }
    call.rest
}

/// Does the rest of a command.
pub async fn go_on(rest: Rest, going: Going<'_>) {
    match rest {
        Rest::Keys => keys::walk(going).await,
        Rest::Count(what) => keys::count(going, what).await,
        Rest::Flush => keys::sweep(going).await,
        Rest::Config => talk::get_config(going).await,
        Rest::Publish => messages::deliver(going).await,
        Rest::Subscribe(kind) => messages::enter(going, kind).await,
        Rest::Unsubscribe(kind) => messages::leave(going, kind).await,
        Rest::Reset => talk::leave(going).await,
    }
}

fn run(call: &mut Call<'_>) -> Outcome {
    let command = find(&call.args[0]).ok_or_else(|| unknown(call.args))?;
    let len = call.args.len();
    if len < command.arity.unsigned_abs() || (command.arity > 0 && len > command.arity.unsigned_abs()) {
        return Err(Error::wrong_arity(command.name));
    }
    let is_listening = call.client.subscriptions.is_some();
    if is_listening && command.traits & LISTENS == 0 {
        return Err(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
             context",
            command.name
        )
        .into());
    }
    if command.traits & GROWS != 0 && call.store.memory() > call.server.max_memory {
        return Err("OOM command not allowed when used memory > 'maxmemory'.".into());
    }
    (command.run)(call)
}
