//! What Unix sockets are bound to: paths, and abstract names. Each host has its own.

use super::UnixKind;
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::hosts::HostId;
use crate::kernel::slab::Key;
use std::collections::BTreeMap;

/// How many names autobind has to choose from: five hexadecimal digits, unix(7).
const AUTOMATIC: u64 = 1 << 20;

/// Which socket has which name. A socket that is named here may be gone.
#[derive(Default)]
pub(crate) struct Names {
    /// A path stays after its socket, until it is unlinked.
    nodes: BTreeMap<(HostId, Vec<u8>), Key>,
    /// In Linux, sockets of different kinds may have the same abstract name.
    abstract_names: BTreeMap<(HostId, UnixKind, Vec<u8>), Key>,
}

impl Names {
    /// Makes the node of a socket at `path`.
    pub(crate) fn create_node(&mut self, host: HostId, path: &[u8], socket: Key) -> Result<(), Errno> {
        if self.node(host, path).is_some() {
            return Err(libc::EEXIST);
        }
        self.nodes.insert((host, path.to_vec()), socket);
        Ok(())
    }

    /// Finds the socket that was bound to `path`.
    pub(crate) fn node(&self, host: HostId, path: &[u8]) -> Option<Key> {
        self.nodes.get(&(host, path.to_vec())).copied()
    }

    /// Removes the node at `path`. The socket itself stays open. Returns false if there is no node.
    #[allow(dead_code, reason = "unlink(2) of simulated files is to call it")]
    pub(crate) fn unlink(&mut self, host: HostId, path: &[u8]) -> bool {
        self.nodes.remove(&(host, path.to_vec())).is_some()
    }
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
            Some(_) if self.unix.node(host, name).is_some() => return Err(libc::EADDRINUSE),
            Some(_) if is_bound => return Err(libc::EINVAL),
            Some(_) => self.unix.create_node(host, name, key)?,
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
    pub(super) fn find_unix(&self, host: HostId, name: &[u8], kind: UnixKind) -> Result<Key, Errno> {
        let found = match name.first() {
            None => return Err(libc::EINVAL),
            Some(0) => self.unix.abstract_names.get(&(host, kind, name.to_vec())).copied(),
            Some(_) => Some(self.unix.node(host, name).ok_or(libc::ENOENT)?),
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
