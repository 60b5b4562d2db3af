//! What a client asks about the server and about itself.

use super::{Call, Error, Going, Outcome, Rest, is, unknown_subcommand};
use crate::glob::Search;
use crate::resp::{MAX_BULK, parse_i64};
use crate::turn::{PER_ARG, copying};
use std::fmt::Write;

/// The version that we report. Clients choose their commands by it.
const VERSION: &str = "7.0.0";

pub fn ping(call: &mut Call<'_>) -> Outcome {
    let text = call.args.get(1);
    if call.args.len() > 2 {
        return Err(Error::wrong_arity("ping"));
    }
    match (&call.client.subscriptions, text) {
        // To a client that expects messages, the answer looks like one.
        (Some(_), text) => {
            call.replies.array(2);
            call.replies.bulk(b"pong");
            call.replies.bulk(text.unwrap_or_default());
        }
        (None, Some(text)) => call.replies.bulk(text),
        (None, None) => call.replies.simple("PONG"),
    }
    Ok(())
}

pub fn echo(call: &mut Call<'_>) -> Outcome {
    call.replies.bulk(&call.args[1]);
    Ok(())
}

pub fn quit(call: &mut Call<'_>) -> Outcome {
    call.replies.ok();
    call.client.is_leaving = true;
    Ok(())
}

pub fn reset(call: &mut Call<'_>) -> Outcome {
    call.rest = Some(Rest::Reset);
    Ok(())
}

/// Does RESET.
pub async fn leave(Going { client, replies, turn, .. }: Going<'_>) {
    if let Some(subscriptions) = client.subscriptions.take() {
        subscriptions.leave_all(turn).await;
    }
    client.name.clear();
    replies.simple("RESET");
}

pub fn no_web_server(call: &mut Call<'_>) -> Outcome {
    call.client.is_leaving = true;
    Ok(())
}

/// There is one database.
pub fn select(call: &mut Call<'_>) -> Outcome {
    match super::integer(&call.args[1])? {
        0 => call.replies.ok(),
        _ => return Err("ERR DB index is out of range".into()),
    }
    Ok(())
}

pub fn hello(call: &mut Call<'_>) -> Outcome {
    if let Some(version) = call.args.get(1) {
        let version = parse_i64(version).ok_or("ERR Protocol version is not an integer or out of range")?;
        if version != 2 {
            return Err("NOPROTO unsupported protocol version".into());
        }
    }
    let mut options = call.args.iter().skip(2);
    while let Some(option) = options.next() {
        match options.next() {
            Some(name) if is(option, "setname") => set_name(call, name)?,
            _ => {
                let option = String::from_utf8_lossy(option);
                return Err(format!("ERR Syntax error in HELLO option '{option}'").into());
            }
        }
    }
    let id = call.client.id as i64;
    let replies = &mut *call.replies;
    replies.array(14);
    for (key, value) in [("server", "redis"), ("version", VERSION)] {
        replies.bulk(key.as_bytes());
        replies.bulk(value.as_bytes());
    }
    for (key, value) in [("proto", 2), ("id", id)] {
        replies.bulk(key.as_bytes());
        replies.integer(value);
    }
    for (key, value) in [("mode", "standalone"), ("role", "master"), ("modules", "")] {
        replies.bulk(key.as_bytes());
        match value {
            "" => replies.array(0),
            value => replies.bulk(value.as_bytes()),
        }
    }
    Ok(())
}

pub fn client(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let has = |name: &str, len: usize| match () {
        () if !is(&args[1], name) => Ok(false),
        () if args.len() == len => Ok(true),
        () => Err(Error::wrong_arity(&format!("client|{name}"))),
    };
    if has("id", 2)? {
        call.replies.integer(call.client.id as i64);
    } else if has("getname", 2)? {
        call.replies.bulk_or_null(Some(&*call.client.name).filter(|name| !name.is_empty()));
    } else if has("setname", 3)? {
        set_name(call, &args[2])?;
        call.replies.ok();
    } else if has("setinfo", 4)? {
        if !is(&args[2], "lib-name") && !is(&args[2], "lib-ver") {
            return Err(Error([b"ERR Unrecognized option '", &args[2], b"'"].concat().into()));
        }
        call.replies.ok();
    } else {
        return Err(unknown_subcommand(args));
    }
    Ok(())
}

fn set_name(call: &mut Call<'_>, name: &[u8]) -> Outcome {
    if name.iter().any(|byte| !(b'!'..=b'~').contains(byte)) {
        return Err("ERR Client names cannot contain spaces, newlines or special characters.".into());
    }
    call.client.name = name.to_vec();
    Ok(())
}

/// redis-cli asks for the documentation of all commands, to give hints. There is none.
pub fn command(call: &mut Call<'_>) -> Outcome {
    match call.args.get(1) {
        Some(arg) if is(arg, "count") => call.replies.count(super::COMMANDS.len()),
        _ => call.replies.array(0),
    }
    Ok(())
}

/// redis-benchmark asks for the first two.
pub fn config(call: &mut Call<'_>) -> Outcome {
    if !is(&call.args[1], "get") {
        return Err(unknown_subcommand(call.args));
    }
    if call.args.len() < 3 {
        return Err(Error::wrong_arity("config|get"));
    }
    call.rest = Some(Rest::Config);
    Ok(())
}

/// Does CONFIG GET: settings are few, but patterns may be long.
pub async fn get_config(Going { server, args, replies, turn, .. }: Going<'_>) {
    let max_memory = if server.max_memory == usize::MAX { 0 } else { server.max_memory };
    let settings = [
        ("save", String::new()),
        ("appendonly", "no".to_owned()),
        ("databases", "1".to_owned()),
        ("maxmemory", max_memory.to_string()),
        ("proto-max-bulk-len", MAX_BULK.to_string()),
    ];
    let mut is_asked_for = [false; 5];
    for pattern in args.iter().skip(2) {
        let pattern = pattern.to_ascii_lowercase();
        turn.spend(PER_ARG + copying(pattern.len()));
        for ((name, _), is_asked_for) in settings.iter().zip(&mut is_asked_for) {
            let mut search = Search::new(&pattern, name.as_bytes());
            *is_asked_for |= loop {
                turn.give_way().await;
                if let Some(fits) = search.advance(&mut turn.steps) {
                    break fits;
                }
            };
        }
    }
    let found: Vec<_> = settings.iter().zip(is_asked_for).filter(|(_, is_asked_for)| *is_asked_for).collect();
    replies.array(2 * found.len());
    for ((name, value), _) in found {
        replies.bulk(name.as_bytes());
        replies.bulk(value.as_bytes());
    }
}

/// Returns all sections, whichever are asked for.
pub fn info(call: &mut Call<'_>) -> Outcome {
    let (server, store) = (call.server, &*call.store);
    let pubsub = server.pubsub.borrow();
    let mut text = String::new();
    let mut section = |title: &str, lines: &[(&str, u64)]| {
        let _ = write!(text, "{}# {title}\r\n", if text.is_empty() { "" } else { "\r\n" });
        if title == "Server" {
            let _ = write!(text, "redis_version:{VERSION}\r\nserver_name:mini_redis\r\n");
        }
        lines.iter().for_each(|(name, value)| {
            let _ = write!(text, "{name}:{value}\r\n");
        });
    };
    let uptime = server.started.elapsed().as_secs();
    section("Server", &[("process_id", std::process::id().into()), ("uptime_in_seconds", uptime)]);
    section("Clients", &[("connected_clients", server.counts.open.get())]);
    section("Memory", &[("used_memory", store.memory() as u64)]);
    section(
        "Stats",
        &[
            ("total_connections_received", server.counts.accepted.get()),
            ("total_commands_processed", server.counts.commands.get()),
            ("pubsub_channels", pubsub.channels() as u64),
            ("pubsub_patterns", pubsub.patterns() as u64),
        ],
    );
    section("Keyspace", &[]);
    if store.len() > 0 {
        let (keys, expires) = (store.len(), store.len_with_deadline());
        let _ = write!(text, "db0:keys={keys},expires={expires},avg_ttl=0\r\n");
    }
    call.replies.bulk(text.as_bytes());
    Ok(())
}
