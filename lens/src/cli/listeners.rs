//! What the kernel tells of a process, in `/proc`: which TCP sockets it listens on, and what its environment says.

use super::Error;
use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The state of a socket that listens, in the tables of sockets.
const LISTENS: &str = "0A";

/// A process, as others see it.
pub struct Process {
    folder: PathBuf,
    number: u32,
}

impl Process {
    /// Finds a process by its number.
    pub fn find(number: u32) -> Result<Process, Error> {
        let folder = PathBuf::from(format!("/proc/{number}"));
        if !folder.exists() {
            return Err(format!("there is no process {number}"));
        }
        Ok(Process { folder, number })
    }

    /// Returns the addresses that the process listens at.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        let sockets = self.sockets()?;
        let network = |folder: &Path| fs::read_link(folder.join("ns/net")).ok();
        if network(&self.folder) != network(Path::new("/proc/self")) {
            let number = self.number;
            return Err(format!(
                "process {number} is in a network namespace of its own, as in a container. Try: nsenter --net \
                 --target {number} ayi-lens dump {number}"
            ));
        }
        // Without IPv6 there is no such table.
        let tables = ["net/tcp", "net/tcp6"].map(|name| fs::read_to_string(self.folder.join(name)));
        let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
        let found = lines.filter_map(listener).filter(|(_, inode)| sockets.contains(*inode));
        Ok(found.map(|(address, _)| address).collect())
    }

    /// Returns the inodes of the sockets that the process has.
    fn sockets(&self) -> Result<HashSet<String>, Error> {
        let entries = fs::read_dir(self.folder.join("fd")).map_err(|error| self.cannot(&error))?;
        let inode = |entry: io::Result<fs::DirEntry>| {
            // A descriptor that was closed meanwhile is none.
            let target = fs::read_link(entry.ok()?.path()).ok()?;
            Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        };
        Ok(entries.filter_map(inode).collect())
    }

    fn cannot(&self, error: &io::Error) -> Error {
        let what_to_do = match error.kind() {
            ErrorKind::PermissionDenied => {
                ". Run the lens as the user that the process belongs to, or as root"
            }
            _ => "",
        };
        format!("cannot look into process {}: {error}{what_to_do}", self.number)
    }

    /// Returns what the process was started with in a variable of its environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        let environment = fs::read(self.folder.join("environ")).ok()?;
        let value = |line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned())
        };
        environment.split(|byte| *byte == 0).find_map(value)
    }

    /// Returns whether the process calls itself so: in a container it has another number.
    pub fn calls_itself(&self, number: u32) -> bool {
        let status = fs::read_to_string(self.folder.join("status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let is_listed = |numbers: &str| numbers.split_whitespace().any(|it| it.parse() == Ok(number));
        number == self.number || numbers.is_some_and(is_listed)
    }
}

/// Reads a line of a table of sockets: the address and the inode of a socket that listens.
fn listener(line: &str) -> Option<(SocketAddr, &str)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (ip, port) = address.split_once(':')?;
    let address = SocketAddr::new(ip_address(ip)?, u16::from_str_radix(port, 16).ok()?);
    (*state == LISTENS).then_some((address, *inode))
}

/// Reads an IP address as it is in memory: words of 32 bits, each written as a number of this machine.
fn ip_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok();
    let words: Vec<u32> = (0..text.len()).step_by(8).map(word).collect::<Option<_>>()?;
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    let of_four = <[u8; 4]>::try_from(&bytes[..]).map(|bytes| Ipv4Addr::from(bytes).into());
    of_four.or_else(|_| <[u8; 16]>::try_from(&bytes[..]).map(|bytes| Ipv6Addr::from(bytes).into())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[cfg(target_endian = "little")]
    #[test]
    fn lines_of_the_tables_are_read() {
        let line = |local: &str, state: &str| {
            format!(
                "   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  0 0 777 1 0 100 0"
            )
        };
        let read = |local, state| listener(&line(local, state)).map(|(address, _)| address.to_string());
        assert_eq!(read("0100007F:17AC", "0A").as_deref(), Some("127.0.0.1:6060"));
        assert_eq!(read("00000000000000000000000001000000:0050", "0A").as_deref(), Some("[::1]:80"));
        assert_eq!(read("0100007F:17AC", "01"), None);
        assert_eq!(listener(&line("00000000:0001", "0A")).unwrap().1, "777");
        for broken in ["", "0: x", "0: 0100007:1 a 0A a a a a a 1", "0: 0100007F a 0A a a a a a 1"] {
            assert!(listener(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn this_process() {
        let process = Process::find(std::process::id()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(process.addresses().unwrap().contains(&address));
        drop(listener);
        assert!(!process.addresses().unwrap().contains(&address));
        assert!(process.calls_itself(std::process::id()) && !process.calls_itself(0));
        assert_eq!(process.variable("PATH"), std::env::var("PATH").ok());
        assert_eq!(process.variable("PAT"), None);
    }
}
