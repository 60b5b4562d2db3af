//! Publishing, and subscribing to what is published.

use super::{Call, Going, Outcome, Rest};
use crate::glob::Search;
use crate::pubsub::{Kind, Name, Subscriber, Subscriptions, message};
use crate::turn::PER_SUBSCRIBER;
use std::rc::Rc;

pub fn publish(call: &mut Call<'_>) -> Outcome {
    call.rest = Some(Rest::Publish);
    Ok(())
}

pub fn subscribe(call: &mut Call<'_>) -> Outcome {
    call.rest = Some(Rest::Subscribe(Kind::Channel));
    Ok(())
}

pub fn psubscribe(call: &mut Call<'_>) -> Outcome {
    call.rest = Some(Rest::Subscribe(Kind::Pattern));
    Ok(())
}

pub fn unsubscribe(call: &mut Call<'_>) -> Outcome {
    call.rest = Some(Rest::Unsubscribe(Kind::Channel));
    Ok(())
}

pub fn punsubscribe(call: &mut Call<'_>) -> Outcome {
    call.rest = Some(Rest::Unsubscribe(Kind::Pattern));
    Ok(())
}

/// Does PUBLISH. First it finds out which patterns match, which can take very long; then it delivers the message. A
/// client that subscribes or leaves meanwhile may get it or not, but none gets it after its leaving was confirmed. All
/// clients get all messages in the same order. A client that listens to the channel in two ways gets the message twice.
pub async fn deliver(mut going: Going<'_>) {
    let args = going.args;
    let (channel, text) = (&args[1], &args[2]);
    let patterns = fitting(&mut going, channel).await;
    let permit = going.server.publishing.acquire().await;
    let _permit = permit.expect("nobody closes it");
    let mut count = send(&mut going, Kind::Channel, channel, message(&[b"message", channel, text])).await;
    for pattern in patterns {
        let message = message(&[b"pmessage", &pattern, channel, text]);
        count += send(&mut going, Kind::Pattern, &pattern, message).await;
    }
    going.replies.count(count);
}

async fn fitting(going: &mut Going<'_>, channel: &[u8]) -> Vec<Name> {
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let next = going.server.pubsub.borrow().pattern_after(last.as_ref());
        let Some(pattern) = next else { return found };
        let mut search = Search::new(&pattern, channel);
        let fits = loop {
            going.turn.give_way().await;
            if let Some(fits) = search.advance(&mut going.turn.steps) {
                break fits;
            }
        };
        going.turn.spend(PER_SUBSCRIBER);
        if fits {
            found.push(pattern.clone());
        }
        last = Some(pattern);
    }
}

/// Returns how many have got it.
async fn send(going: &mut Going<'_>, kind: Kind, name: &[u8], message: Rc<Vec<u8>>) -> usize {
    // Clients are counted from 1.
    let (mut count, mut last) = (0, 0);
    loop {
        let (more, goes_on) =
            going.server.pubsub.borrow().deliver(kind, name, &message, &mut last, going.turn);
        count += more;
        if !goes_on {
            return count;
        }
        going.turn.give_way().await;
    }
}

/// Does SUBSCRIBE.
pub async fn enter(mut going: Going<'_>, kind: Kind) {
    let word = if kind == Kind::Channel { "subscribe" } else { "psubscribe" };
    for name in going.args.iter().skip(1) {
        let (server, client, replies) = (going.server, &mut *going.client, &mut *going.replies);
        let subscriptions = client.subscriptions.get_or_insert_with(|| {
            let subscriber = Subscriber::new(client.id, client.stream.clone());
            Subscriptions::new(server.pubsub.clone(), subscriber)
        });
        subscriptions.enter(kind, name);
        replies.array(3);
        replies.bulk(word.as_bytes());
        replies.bulk(name);
        replies.count(subscriptions.len());
        give_way(&mut going).await;
    }
}

/// Does UNSUBSCRIBE. Without names, it leaves all channels or patterns of the kind.
pub async fn leave(mut going: Going<'_>, kind: Kind) {
    if going.args.len() > 1 {
        for name in going.args.iter().skip(1) {
            leave_one(&mut going, kind, Some(name)).await;
        }
        return;
    }
    let first = |going: &mut Going<'_>| going.client.subscriptions.as_mut()?.first(kind);
    let Some(mut name) = first(&mut going) else { return leave_one(&mut going, kind, None).await };
    loop {
        leave_one(&mut going, kind, Some(&name)).await;
        let Some(next) = first(&mut going) else { return };
        name = next;
    }
}

async fn leave_one(going: &mut Going<'_>, kind: Kind, name: Option<&[u8]>) {
    let subscriptions = &mut going.client.subscriptions;
    if let (Some(all), Some(name)) = (&mut *subscriptions, name) {
        all.leave(kind, name);
        if all.len() == 0 {
            *subscriptions = None;
        }
    }
    let word = if kind == Kind::Channel { "unsubscribe" } else { "punsubscribe" };
    going.replies.array(3);
    going.replies.bulk(word.as_bytes());
    going.replies.bulk_or_null(name);
    going.replies.count(subscriptions.as_ref().map_or(0, Subscriptions::len));
    give_way(going).await;
}

/// Gives way after one of many names.
async fn give_way(going: &mut Going<'_>) {
    going.turn.spend(PER_SUBSCRIBER);
    if going.turn.give_way().await {
        // Messages that have come meanwhile go before the next confirmation, which may say that no more will come.
        if let Some(subscriptions) = &going.client.subscriptions {
            subscriptions.subscriber.take_mail(going.replies);
        }
    }
}
