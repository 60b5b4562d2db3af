//! The guests, and what all of them hear.
//!
//! Everything is on one thread, so this is shared by `Rc`, and changed through cells: nothing here awaits.

use async_channel::{Receiver, Sender};
use async_tungstenite::tungstenite::Utf8Bytes;
use ayi::net::TcpStream;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::Shutdown;
use std::rc::Rc;

/// The messages that wait for a guest who does not read, beyond what the system's own buffers hold. With more, the
/// guest has to go. All guests share one copy of a message, so a client can make us keep a few megabytes at most.
const MAX_WAITING: usize = 256;
/// In characters.
const MAX_NAME: usize = 24;
/// The bytes of a list of names, and of a name.
const MAX_LIST: usize = 4 * 1024;

#[derive(Default)]
pub struct Room {
    guests: RefCell<BTreeMap<String, Guest>>,
}

struct Guest {
    stream: Rc<TcpStream>,
    outbox: Sender<Utf8Bytes>,
    is_too_slow: Cell<bool>,
}

/// A guest's place in the room. When it is dropped, even by a panic, the guest has left.
pub struct Entry {
    room: Rc<Room>,
    pub name: String,
}

impl Room {
    /// Returns a place, and what is to be sent to the guest, or why there is none.
    pub fn enter(
        self: &Rc<Room>,
        name: &str,
        stream: &Rc<TcpStream>,
    ) -> Result<(Entry, Receiver<Utf8Bytes>), &'static str> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.contains(char::is_control) {
            return Err("a name has 1 to 24 characters");
        }
        if self.guests.borrow().contains_key(name) {
            return Err("somebody else has this name");
        }
        let (outbox, messages) = async_channel::bounded(MAX_WAITING);
        if let Some(list) = self.list() {
            let _ = outbox.try_send(list.into());
        }
        let guest = Guest { stream: stream.clone(), outbox, is_too_slow: Cell::new(false) };
        self.guests.borrow_mut().insert(name.to_owned(), guest);
        self.tell("", &format!("{name} has come"));
        Ok((Entry { room: self.clone(), name: name.to_owned() }, messages))
    }

    /// Returns the names of the guests. The list is not longer than other messages, however many guests there are.
    fn list(&self) -> Option<String> {
        let guests = self.guests.borrow();
        let mut names = guests.keys();
        let mut list = format!("\there: {}", names.next()?);
        while let Some(name) = names.next() {
            if list.len() > MAX_LIST {
                list.push_str(&format!(" and {} others", 1 + names.count()));
                break;
            }
            list.push_str(", ");
            list.push_str(name);
        }
        Some(list)
    }

    /// Tells everybody. It never waits: a guest that does not read must neither hold up the one that speaks, nor grow
    /// our memory.
    fn tell(&self, name: &str, text: &str) {
        let message = Utf8Bytes::from(format!("{name}\t{text}"));
        for guest in self.guests.borrow().values() {
            if guest.outbox.try_send(message.clone()).is_err() {
                guest.is_too_slow.set(true);
                // Its task, which waits for the client to take something, gets an error now, and does the rest.
                let _ = guest.stream.shutdown_now(Shutdown::Both);
            }
        }
    }
}

impl Entry {
    /// Says it to all, including the guest itself, who then knows that it was said.
    pub fn say(&self, text: &str) {
        self.room.tell(&self.name, text);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let guest = self.room.guests.borrow_mut().remove(&self.name);
        let is_too_slow = guest.is_some_and(|guest| guest.is_too_slow.get());
        let why = if is_too_slow { "does not listen, and was sent away" } else { "has left" };
        self.room.tell("", &format!("{} {why}", self.name));
    }
}
