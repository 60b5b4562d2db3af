//! Values: strings of bytes, which may be numbers.

use super::{Call, Error, Outcome, integer, is, keys};
use crate::resp::{MAX_BULK, parse_i64};
use crate::store::NEVER;

pub fn get(call: &mut Call<'_>) -> Outcome {
    call.replies.bulk_or_null(call.store.get(&call.args[1]));
    Ok(())
}

/// The arguments of SET besides key and value.
#[derive(Default)]
struct Options {
    if_absent: bool,
    if_present: bool,
    gives_old: bool,
    keeps_deadline: bool,
    deadline: Option<i64>,
}

impl Options {
    fn read(call: &Call<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut deadline = None;
        let mut args = call.args.iter().skip(3);
        while let Some(arg) = args.next() {
            if is(arg, "nx") && !options.if_present {
                options.if_absent = true;
            } else if is(arg, "xx") && !options.if_absent {
                options.if_present = true;
            } else if is(arg, "get") {
                options.gives_old = true;
            } else if is(arg, "keepttl") && deadline.is_none() {
                options.keeps_deadline = true;
            } else if let Some(unit) = keys::Unit::of_option(arg).filter(|_| !options.keeps_deadline) {
                let time = args.next().ok_or(Error::SYNTAX)?;
                // The same word twice is fine, and the last one counts.
                if deadline.replace((unit, time)).is_some_and(|(before, _)| before != unit) {
                    return Err(Error::SYNTAX);
                }
            } else {
                return Err(Error::SYNTAX);
            }
        }
        options.deadline = match deadline {
            Some((unit, time)) => Some(keys::deadline_of_value(time, unit, "set")?),
            None => None,
        };
        Ok(options)
    }
}

pub fn set(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (&call.args[1], &call.args[2]);
    // The usual case.
    if call.args.len() == 3 {
        call.store.set(key, value, NEVER);
        call.replies.ok();
        return Ok(());
    }
    let options = Options::read(call)?;
    let old = call.store.get(key);
    let is_set = !(options.if_absent && old.is_some() || options.if_present && old.is_none());
    match (options.gives_old, is_set) {
        (true, _) => call.replies.bulk_or_null(old),
        (false, true) => call.replies.ok(),
        (false, false) => call.replies.null(),
    }
    if is_set {
        let kept = options.keeps_deadline.then(|| call.store.deadline(key)).flatten();
        call.store.set(key, value, options.deadline.or(kept).unwrap_or(NEVER));
    }
    Ok(())
}

pub fn setex(call: &mut Call<'_>) -> Outcome {
    set_for(call, keys::Unit::Seconds, "setex")
}

pub fn psetex(call: &mut Call<'_>) -> Outcome {
    set_for(call, keys::Unit::Milliseconds, "psetex")
}

fn set_for(call: &mut Call<'_>, unit: keys::Unit, command: &str) -> Outcome {
    let deadline = keys::deadline_of_value(&call.args[2], unit, command)?;
    call.store.set(&call.args[1], &call.args[3], deadline);
    call.replies.ok();
    Ok(())
}

pub fn setnx(call: &mut Call<'_>) -> Outcome {
    let is_absent = call.store.get(&call.args[1]).is_none();
    if is_absent {
        call.store.set(&call.args[1], &call.args[2], NEVER);
    }
    call.replies.count(usize::from(is_absent));
    Ok(())
}

pub fn getset(call: &mut Call<'_>) -> Outcome {
    get(call)?;
    call.store.set(&call.args[1], &call.args[2], NEVER);
    Ok(())
}

pub fn getdel(call: &mut Call<'_>) -> Outcome {
    get(call)?;
    call.store.remove(&call.args[1]);
    Ok(())
}

pub fn mget(call: &mut Call<'_>) -> Outcome {
    call.replies.array(call.args.len() - 1);
    for key in call.args.iter().skip(1) {
        call.replies.bulk_or_null(call.store.get(key));
    }
    Ok(())
}

pub fn mset(call: &mut Call<'_>) -> Outcome {
    if call.args.len() % 2 == 0 {
        return Err(Error::wrong_arity("mset"));
    }
    let mut args = call.args.iter().skip(1);
    while let (Some(key), Some(value)) = (args.next(), args.next()) {
        call.store.set(key, value, NEVER);
    }
    call.replies.ok();
    Ok(())
}

pub fn incr(call: &mut Call<'_>) -> Outcome {
    add(call, 1)
}

pub fn decr(call: &mut Call<'_>) -> Outcome {
    add(call, -1)
}

pub fn incrby(call: &mut Call<'_>) -> Outcome {
    add(call, integer(&call.args[2])?)
}

pub fn decrby(call: &mut Call<'_>) -> Outcome {
    let number = integer(&call.args[2])?.checked_neg().ok_or("ERR decrement would overflow")?;
    add(call, number)
}

fn add(call: &mut Call<'_>, number: i64) -> Outcome {
    let key = &call.args[1];
    let before = match call.store.get(key) {
        Some(value) => parse_i64(value).ok_or(Error::NO_INTEGER)?,
        None => 0,
    };
    let sum = before.checked_add(number).ok_or("ERR increment or decrement would overflow")?;
    call.store.set_number(key, sum);
    call.replies.integer(sum);
    Ok(())
}

pub fn append(call: &mut Call<'_>) -> Outcome {
    let (key, more) = (&call.args[1], &call.args[2]);
    if call.store.get(key).map_or(0, <[u8]>::len) + more.len() > MAX_BULK {
        return Err(Error::TOO_LONG);
    }
    let len = call.store.append(key, more);
    call.replies.count(len);
    Ok(())
}

pub fn strlen(call: &mut Call<'_>) -> Outcome {
    call.replies.count(call.store.get(&call.args[1]).map_or(0, <[u8]>::len));
    Ok(())
}
