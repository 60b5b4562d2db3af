//! Keys: which there are, and how long they live.

use super::{Call, Count, Error, Going, Outcome, Rest, integer, is};
use crate::glob::Search;
use crate::resp::MAX_REPLIES;
use crate::store::{Key, NEVER, SHARDS, Store, now};
use crate::turn::{PER_ARG, PER_KEY, copying};

/// The way in which a command gives a point in time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// From now.
    Seconds,
    Milliseconds,
    /// Since 1970.
    UnixSeconds,
    UnixMilliseconds,
}

impl Unit {
    /// Returns the unit of an option of SET.
    pub fn of_option(arg: &[u8]) -> Option<Unit> {
        let options = [
            ("ex", Unit::Seconds),
            ("px", Unit::Milliseconds),
            ("exat", Unit::UnixSeconds),
            ("pxat", Unit::UnixMilliseconds),
        ];
        options.into_iter().find(|(option, _)| is(arg, option)).map(|(_, unit)| unit)
    }
}

/// Returns the deadline, or `None` if there is no such time.
fn deadline(time: i64, unit: Unit) -> Option<i64> {
    let ms = match unit {
        Unit::Seconds | Unit::UnixSeconds => time.checked_mul(1_000)?,
        Unit::Milliseconds | Unit::UnixMilliseconds => time,
    };
    let deadline = match unit {
        Unit::Seconds | Unit::Milliseconds => ms.checked_add(now())?,
        Unit::UnixSeconds | Unit::UnixMilliseconds => ms,
    };
    // The very last millisecond has another meaning.
    Some(deadline.min(NEVER - 1))
}

fn invalid(command: &str) -> Error {
    format!("ERR invalid expire time in '{command}' command").into()
}

/// Returns the deadline for a value that is about to be set: the value lives for a while at least.
pub fn deadline_of_value(time: &[u8], unit: Unit, command: &str) -> Result<i64, Error> {
    let time = integer(time)?;
    deadline(time, unit).filter(|_| time > 0).ok_or_else(|| invalid(command))
}

pub fn expire(call: &mut Call<'_>) -> Outcome {
    set_deadline(call, Unit::Seconds, "expire")
}

pub fn pexpire(call: &mut Call<'_>) -> Outcome {
    set_deadline(call, Unit::Milliseconds, "pexpire")
}

pub fn expireat(call: &mut Call<'_>) -> Outcome {
    set_deadline(call, Unit::UnixSeconds, "expireat")
}

pub fn pexpireat(call: &mut Call<'_>) -> Outcome {
    set_deadline(call, Unit::UnixMilliseconds, "pexpireat")
}

/// The conditions under which EXPIRE does something.
#[derive(Default)]
struct Conditions {
    if_none: bool,
    if_some: bool,
    if_later: bool,
    if_earlier: bool,
}

impl Conditions {
    fn read(call: &Call<'_>) -> Result<Conditions, Error> {
        let mut conditions = Conditions::default();
        for arg in call.args.iter().skip(3) {
            match () {
                () if is(arg, "nx") => conditions.if_none = true,
                () if is(arg, "xx") => conditions.if_some = true,
                () if is(arg, "gt") => conditions.if_later = true,
                () if is(arg, "lt") => conditions.if_earlier = true,
                () => return Err(Error([b"ERR Unsupported option ", arg].concat().into())),
            }
        }
        let Conditions { if_none, if_some, if_later, if_earlier } = conditions;
        if if_none && (if_some || if_later || if_earlier) {
            return Err("ERR NX and XX, GT or LT options at the same time are not compatible".into());
        }
        if if_later && if_earlier {
            return Err("ERR GT and LT options at the same time are not compatible".into());
        }
        Ok(conditions)
    }

    /// A key without a deadline counts as having the latest.
    fn are_met(&self, before: i64, after: i64) -> bool {
        !(self.if_none && before != NEVER
            || self.if_some && before == NEVER
            || self.if_later && after <= before
            || self.if_earlier && after >= before)
    }
}

fn set_deadline(call: &mut Call<'_>, unit: Unit, command: &str) -> Outcome {
    let key = &call.args[1];
    let conditions = Conditions::read(call)?;
    let after = deadline(integer(&call.args[2])?, unit).ok_or_else(|| invalid(command))?;
    let is_set = call.store.deadline(key).is_some_and(|before| conditions.are_met(before, after));
    if is_set && after <= now() {
        call.store.remove(key);
    } else if is_set {
        call.store.set_deadline(key, after);
    }
    call.replies.count(usize::from(is_set));
    Ok(())
}

pub fn persist(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let had_one = call.store.deadline(key).is_some_and(|deadline| deadline != NEVER);
    if had_one {
        call.store.set_deadline(key, NEVER);
    }
    call.replies.count(usize::from(had_one));
    Ok(())
}

pub fn ttl(call: &mut Call<'_>) -> Outcome {
    let left = left(call);
    // It is rounded to whole seconds, except for the two answers that are no times.
    call.replies.integer(if left < 0 { left } else { left.saturating_add(500) / 1_000 });
    Ok(())
}

pub fn pttl(call: &mut Call<'_>) -> Outcome {
    call.replies.integer(left(call));
    Ok(())
}

/// In milliseconds. -1 means for ever, -2 that there is no such key.
fn left(call: &Call<'_>) -> i64 {
    match call.store.deadline(&call.args[1]) {
        None => -2,
        Some(NEVER) => -1,
        Some(deadline) => deadline.saturating_sub(now()).max(0),
    }
}

/// How many keys are handled at once. With more, DEL and EXISTS give way in between.
const AT_ONCE: usize = 1_000;

pub fn del(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > AT_ONCE {
        call.rest = Some(Rest::Count(Store::remove));
        return Ok(());
    }
    let count = call.args.iter().skip(1).filter(|key| call.store.remove(key)).count();
    call.replies.count(count);
    Ok(())
}

pub fn exists(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > AT_ONCE {
        call.rest = Some(Rest::Count(|store, key| store.get(key).is_some()));
        return Ok(());
    }
    let count = call.args.iter().skip(1).filter(|key| call.store.get(key).is_some()).count();
    call.replies.count(count);
    Ok(())
}

/// Does DEL and EXISTS with many keys, as if each key had a command of its own.
pub async fn count(Going { server, args, replies, turn, .. }: Going<'_>, what: Count) {
    let mut count = 0;
    for key in args.iter().skip(1) {
        count += usize::from(what(&mut server.store.borrow_mut(), key));
        turn.spend(PER_ARG);
        turn.give_way().await;
    }
    replies.count(count);
}

pub fn kind(call: &mut Call<'_>) -> Outcome {
    call.replies.simple(if call.store.get(&call.args[1]).is_some() { "string" } else { "none" });
    Ok(())
}

pub fn keys(call: &mut Call<'_>) -> Outcome {
    call.rest = Some(Rest::Keys);
    Ok(())
}

/// Does KEYS. Each key that is there from the beginning to the end is found once. One that comes or goes meanwhile may
/// be found or not, so a key of the reply may have gone. In Redis no other client is served meanwhile.
pub async fn walk(Going { server, args, replies, turn, .. }: Going<'_>) {
    let (mut found, mut bytes) = (Vec::new(), 0);
    for shard in 0..SHARDS {
        let keys: Vec<Key> = server.store.borrow().keys(shard).cloned().collect();
        turn.spend(keys.len() * PER_KEY);
        for key in keys {
            let mut search = Search::new(&args[1], &key);
            let fits = loop {
                turn.give_way().await;
                if let Some(fits) = search.advance(&mut turn.steps) {
                    break fits;
                }
            };
            if fits {
                bytes += key.len();
                found.push(key);
            }
        }
        if bytes > MAX_REPLIES {
            // They are too many in any case.
            break;
        }
    }
    replies.array(found.len());
    for key in found {
        replies.bulk(&key);
        turn.spend(PER_KEY + copying(key.len()));
        turn.give_way().await;
    }
}

pub fn dbsize(call: &mut Call<'_>) -> Outcome {
    call.replies.count(call.store.len());
    Ok(())
}

/// There is one database, so FLUSHALL does what FLUSHDB does. The keys are gone at once, for all clients. The answer
/// comes when their memory is free, whichever way is asked for.
pub fn flush(call: &mut Call<'_>) -> Outcome {
    let is_known = |arg| is(arg, "async") || is(arg, "sync");
    if call.args.len() > 2 || call.args.get(1).is_some_and(|arg| !is_known(arg)) {
        return Err(Error::SYNTAX);
    }
    call.store.clear();
    call.rest = Some(Rest::Flush);
    Ok(())
}

/// Does FLUSHALL.
pub async fn sweep(Going { server, replies, turn, .. }: Going<'_>) {
    while server.store.borrow_mut().sweep() {
        turn.steps = 0;
        turn.give_way().await;
    }
    replies.ok();
}
