//! Publishing, and subscribing to what is published.

use super::{Call, Outcome};
use crate::pubsub::{Kind, Name, Subscriber, Subscriptions};

pub fn publish(call: &mut Call<'_>) -> Outcome {
    let count = call.server.pubsub.borrow().publish(&call.args[1], &call.args[2]);
    call.replies.count(count);
    Ok(())
}

pub fn subscribe(call: &mut Call<'_>) -> Outcome {
    enter(call, Kind::Channel)
}

pub fn psubscribe(call: &mut Call<'_>) -> Outcome {
    enter(call, Kind::Pattern)
}

pub fn unsubscribe(call: &mut Call<'_>) -> Outcome {
    leave(call, Kind::Channel)
}

pub fn punsubscribe(call: &mut Call<'_>) -> Outcome {
    leave(call, Kind::Pattern)
}

fn enter(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let (server, client) = (call.server, &mut *call.client);
    let subscriptions = client.subscriptions.get_or_insert_with(|| {
        let subscriber = Subscriber::new(client.id, client.stream.clone());
        Subscriptions::new(server.pubsub.clone(), subscriber)
    });
    let word = if kind == Kind::Channel { "subscribe" } else { "psubscribe" };
    for name in call.args.iter().skip(1) {
        subscriptions.enter(kind, name);
        let count = subscriptions.len();
        call.replies.array(3);
        call.replies.bulk(word.as_bytes());
        call.replies.bulk(name);
        call.replies.count(count);
    }
    Ok(())
}

/// Without names, from all of the kind.
fn leave(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let mut names: Vec<Name> = call.args.iter().skip(1).map(Name::from).collect();
    if names.is_empty() {
        names = call.client.subscriptions.as_mut().map(|all| all.names(kind)).unwrap_or_default();
    }
    if names.is_empty() {
        confirm_leaving(call, kind, None);
    }
    for name in names {
        if let Some(subscriptions) = &mut call.client.subscriptions {
            subscriptions.leave(kind, &name);
            if subscriptions.len() == 0 {
                call.client.subscriptions = None;
            }
        }
        confirm_leaving(call, kind, Some(&name));
    }
    Ok(())
}

fn confirm_leaving(call: &mut Call<'_>, kind: Kind, name: Option<&[u8]>) {
    let word = if kind == Kind::Channel { "unsubscribe" } else { "punsubscribe" };
    call.replies.array(3);
    call.replies.bulk(word.as_bytes());
    call.replies.bulk_or_null(name);
    call.replies.count(call.client.subscriptions.as_ref().map_or(0, Subscriptions::len));
}
