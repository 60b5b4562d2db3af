//! What Unix sockets are bound to: paths, and abstract names. Each host has its own.

use super::UnixKind;
use crate::Errno;
use crate::disk::Ino;
use crate::kernel::Kernel;
use crate::kernel::hosts::HostId;
use crate::kernel::slab::Key;
use std::collections::BTreeMap;

/// How many names autobind has to choose from: five hexadecimal digits, unix(7).
const AUTOMATIC: u64 = 1 << 20;

/// Which socket has which name. A socket that is named here may be gone.
#[derive(Default)]
pub(crate) struct Names {
    /// By the inode of a path, which stays after its socket until it is unlinked.
    nodes: BTreeMap<(HostId, Ino), Key>,
    /// In Linux, sockets of different kinds may have the same abstract name.
    abstract_names: BTreeMap<(HostId, UnixKind, Vec<u8>), Key>,
}

impl Kernel {
    /// bind(2). An empty name asks for one that is chosen here.
    pub(crate) fn bind_unix(&mut self, key: Key, name: &[u8]) -> Result<(), Errno> {
        let (host, kind) = (self.unix(key).host, self.unix(key).kind);
        let is_bound = !self.unix(key).name.is_empty();
        match name.first() {
            None if is_bound => return Ok(()),
            None => return self.bind_unix_to_any(key),
            Some(0) if is_bound => return Err(libc::EINVAL),
            Some(0) => {
                let abstract_names = &mut self.unix.abstract_names;
                let place = abstract_names.entry((host, kind, name.to_vec()));
                if let std::collections::btree_map::Entry::Occupied(_) = place {
                    return Err(libc::EADDRINUSE);
                }
                place.or_insert(key);
            }
            // Linux makes the node first, and so looks for what is there before all else.
            Some(_) if is_bound => {
                self.find_node(name).map_or(Ok(()), |_| Err(libc::EADDRINUSE))?;
                return Err(libc::EINVAL);
            }
            Some(_) => {
                let ino = self.make_socket_node(name)?;
                let nodes = std::mem::take(&mut self.unix.nodes);
                self.unix.nodes =
                    nodes.into_iter().filter(|(_, key)| self.unix_if_alive(*key).is_some()).collect();
                self.unix.nodes.insert((host, ino), key);
            }
        }
        self.unix(key).name = name.to_vec();
        Ok(())
    }

    /// unix(7), "Autobind feature".
    fn bind_unix_to_any(&mut self, key: Key) -> Result<(), Errno> {
        let start = self.rng.below(AUTOMATIC);
        for at in 0..AUTOMATIC {
            let name = format!("\0{:05x}", (start + at) % AUTOMATIC);
            match self.bind_unix(key, name.as_bytes()) {
                Err(libc::EADDRINUSE) => {}
                result => return result,
            }
        }
        Err(libc::ENOSPC)
    }

    /// Finds the socket of that kind to connect or send to. It is open.
    pub(super) fn find_unix(&mut self, host: HostId, name: &[u8], kind: UnixKind) -> Result<Key, Errno> {
        let found = match name.first() {
            None => return Err(libc::EINVAL),
            Some(0) => self.unix.abstract_names.get(&(host, kind, name.to_vec())).copied(),
            Some(_) => {
                let ino = self.find_node(name)?;
                self.unix.nodes.get(&(host, ino)).copied()
            }
        };
        let key = found.ok_or(libc::ECONNREFUSED)?;
        let unix = self.unix_if_alive(key).ok_or(libc::ECONNREFUSED)?;
        if unix.kind == kind { Ok(key) } else { Err(libc::EPROTOTYPE) }
    }

    /// A socket is gone. Its abstract name is free, and its path stays.
    pub(super) fn release_unix_name(&mut self, host: HostId, kind: UnixKind, name: Vec<u8>, key: Key) {
        let place = (host, kind, name);
        // Sockets that were accepted tell the listener's name, which is not theirs.
        if self.unix.abstract_names.get(&place) == Some(&key) {
            self.unix.abstract_names.remove(&place);
        }
    }
}
