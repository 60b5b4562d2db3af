//! Path resolution: path_resolution(7).
//!
//! A path is walked up to its last component. What that is, and whether a symbolic link there is followed, depends on
//! the call. A symbolic link on the way is replaced by its target in the text of the path.

use super::inode::Node;
use super::{Disk, Ino};
use crate::Errno;

/// The kernel's limits: MAXSYMLINKS, PATH_MAX with its NUL, NAME_MAX.
const LINKS: u32 = 40;
pub(super) const PATH: usize = 4_096;
const NAME: usize = 255;

/// Where a path ends.
pub(super) struct Place {
    /// The directory in which the last component is looked up. It is the result itself for `.` and the root.
    pub(super) dir: Ino,
    pub(super) last: Last,
    /// The path ends with a slash, so that it means a directory.
    pub(super) slash: bool,
    links: u32,
}

#[derive(PartialEq, Eq)]
pub(super) enum Last {
    Name(Vec<u8>),
    Dot,
    DotDot,
    Root,
}

impl Disk {
    /// Walks a path up to its last component.
    pub(super) fn place(&self, base: Ino, path: &[u8]) -> Result<Place, Errno> {
        match path {
            [] => Err(libc::ENOENT),
            _ if path.len() >= PATH => Err(libc::ENAMETOOLONG),
            _ => self.walk(base, path.to_vec(), 0),
        }
    }

    /// Goes on at the symbolic link which is at `place`.
    pub(super) fn follow(&self, place: &Place, target: &[u8]) -> Result<Place, Errno> {
        let rest = if place.slash { [target, b"/"].concat() } else { target.to_vec() };
        self.walk(place.dir, rest, count_link(place.links)?)
    }

    fn walk(&self, base: Ino, mut path: Vec<u8>, mut links: u32) -> Result<Place, Errno> {
        let mut dir = base;
        loop {
            if path.starts_with(b"/") {
                dir = Disk::ROOT;
            }
            self.dir(dir)?;
            let mut rest = skip_slashes(&path);
            if rest.is_empty() {
                return Ok(Place { dir, last: Last::Root, slash: false, links });
            }
            let spliced = loop {
                let (name, tail) = rest.split_at(rest.iter().position(|&b| b == b'/').unwrap_or(rest.len()));
                rest = skip_slashes(tail);
                if rest.is_empty() {
                    return Ok(Place { dir, last: last(name), slash: !tail.is_empty(), links });
                }
                let next = self.child(dir, name)?.ok_or(libc::ENOENT)?;
                match &self.inode(next)?.node {
                    Node::Dir(_) => dir = next,
                    Node::Link(target) => break [&target[..], b"/", rest].concat(),
                    _ => return Err(libc::ENOTDIR),
                }
            };
            links = count_link(links)?;
            path = spliced;
        }
    }

    fn child(&self, dir: Ino, name: &[u8]) -> Result<Option<Ino>, Errno> {
        match last(name) {
            Last::Name(_) if name.len() > NAME => Err(libc::ENAMETOOLONG),
            Last::Name(_) => Ok(self.dir(dir)?.entries.get(name).copied()),
            Last::DotDot => Ok(Some(self.dir(dir)?.parent)),
            Last::Dot | Last::Root => Ok(Some(dir)),
        }
    }

    /// Returns what is at a place, which may be a symbolic link, and whether or not that fits the slash.
    pub(super) fn at(&self, place: &Place) -> Result<Option<Ino>, Errno> {
        match &place.last {
            Last::Name(name) => self.child(place.dir, name),
            Last::DotDot => Ok(Some(self.dir(place.dir)?.parent)),
            Last::Dot | Last::Root => Ok(Some(place.dir)),
        }
    }

    /// Returns the inode that a path means. A slash at its end follows a symbolic link in any case.
    pub(crate) fn lookup(&self, base: Ino, path: &[u8], follow: bool) -> Result<Ino, Errno> {
        let mut place = self.place(base, path)?;
        loop {
            let found = self.at(&place)?.ok_or(libc::ENOENT)?;
            match &self.inode(found)?.node {
                Node::Link(target) if follow || place.slash => place = self.follow(&place, target)?,
                Node::Dir(_) => return Ok(found),
                _ if place.slash => return Err(libc::ENOTDIR),
                _ => return Ok(found),
            }
        }
    }

    /// Returns the path without symbolic links and dots, of something that exists: realpath(3).
    pub(crate) fn canonical(&self, base: Ino, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let mut place = self.place(base, path)?;
        loop {
            let found = self.at(&place)?.ok_or(libc::ENOENT)?;
            match (&self.inode(found)?.node, &place.last) {
                (Node::Link(target), _) => place = self.follow(&place, target)?,
                (Node::Dir(_), _) => return self.path_of(found),
                _ if place.slash => return Err(libc::ENOTDIR),
                (_, Last::Name(name)) => return Ok(join(&self.path_of(place.dir)?, name)),
                _ => unreachable!("only directories are found without a name"),
            }
        }
    }

    /// Returns the path of a directory: getcwd(3). It has none once it is removed.
    pub(crate) fn path_of(&self, dir: Ino) -> Result<Vec<u8>, Errno> {
        let (mut names, mut at) = (Vec::new(), dir);
        while at != Disk::ROOT {
            self.alive(at)?;
            let parent = self.dir(at)?.parent;
            let mut entries = self.dir(parent)?.entries.iter();
            names.push(entries.find(|(_, ino)| **ino == at).ok_or(libc::ENOENT)?.0);
            at = parent;
        }
        let path = names.into_iter().rev().fold(Vec::new(), |path, name| join(&path, name));
        Ok(if path.is_empty() { b"/".to_vec() } else { path })
    }

    /// Returns the directory and the name under which a new inode can be put.
    pub(super) fn vacant(&self, base: Ino, path: &[u8], is_dir: bool) -> Result<(Ino, Vec<u8>), Errno> {
        let place = self.place(base, path)?;
        if self.at(&place)?.is_some() {
            return Err(libc::EEXIST);
        }
        match place.last {
            Last::Name(name) if is_dir || !place.slash => self.alive(place.dir).map(|()| (place.dir, name)),
            _ => Err(libc::ENOENT),
        }
    }

    /// Nothing can be put into a directory that has been removed.
    pub(super) fn alive(&self, dir: Ino) -> Result<(), Errno> {
        if self.inode(dir)?.links > 0 { Ok(()) } else { Err(libc::ENOENT) }
    }
}

fn last(name: &[u8]) -> Last {
    match name {
        b"." => Last::Dot,
        b".." => Last::DotDot,
        _ => Last::Name(name.to_vec()),
    }
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    [path, b"/", name].concat()
}

fn skip_slashes(path: &[u8]) -> &[u8] {
    &path[path.iter().take_while(|&&b| b == b'/').count()..]
}

fn count_link(links: u32) -> Result<u32, Errno> {
    if links < LINKS { Ok(links + 1) } else { Err(libc::ELOOP) }
}
