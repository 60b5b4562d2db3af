//! The options of a UDP socket. Each fails as getsockopt(2) or setsockopt(2) says.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use socket2::SockRef;

use super::UdpSocket;

impl UdpSocket {
    /// Returns whether it may send to broadcast addresses (socket(7), `SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let socket = ayi::net::UdpSocket::bind("0.0.0.0:0").await?;
    /// socket.set_broadcast(true)?; // without it, sending to a broadcast address is refused
    /// assert!(socket.broadcast()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.std().broadcast()
    }

    /// Sets [`broadcast`](UdpSocket::broadcast).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_broadcast(&self, value: bool) -> io::Result<()> {
        self.socket.std().set_broadcast(value)
    }

    /// Returns how many hops its packets may take (ip(7), `IP_TTL`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let socket = ayi::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_ttl(16)?;
    /// assert_eq!(socket.ttl()?, 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.std().ttl()
    }

    /// Sets [`ttl`](UdpSocket::ttl).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_ttl(&self, value: u32) -> io::Result<()> {
        self.socket.std().set_ttl(value)
    }

    /// Returns the type of service of its IPv4 packets (ip(7), `IP_TOS`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let socket = ayi::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_tos_v4(0x10)?; // low delay
    /// assert_eq!(socket.tos_v4()?, 0x10);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn tos_v4(&self) -> io::Result<u32> {
        SockRef::from(self.socket.std()).tos_v4()
    }

    /// Sets [`tos_v4`](UdpSocket::tos_v4).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_tos_v4(&self, value: u32) -> io::Result<()> {
        SockRef::from(self.socket.std()).set_tos_v4(value)
    }

    /// Returns [`tos_v4`](UdpSocket::tos_v4), and fails like it.
    #[deprecated(note = "`tos` is the older name of `tos_v4`")]
    #[doc(hidden)]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// Sets [`tos_v4`](UdpSocket::tos_v4), and fails like its setter.
    #[deprecated(note = "`set_tos` is the older name of `set_tos_v4`")]
    #[doc(hidden)]
    pub fn set_tos(&self, value: u32) -> io::Result<()> {
        self.set_tos_v4(value)
    }

    /// Returns the traffic class of its IPv6 packets (ipv6(7), `IPV6_TCLASS`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// if let Ok(socket) = ayi::net::UdpSocket::bind("[::1]:0").await {
    ///     socket.set_tclass_v6(0x20)?;
    ///     assert_eq!(socket.tclass_v6()?, 0x20);
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn tclass_v6(&self) -> io::Result<u32> {
        SockRef::from(self.socket.std()).tclass_v6()
    }

    /// Sets [`tclass_v6`](UdpSocket::tclass_v6).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_tclass_v6(&self, value: u32) -> io::Result<()> {
        SockRef::from(self.socket.std()).set_tclass_v6(value)
    }

    /// Returns whether IPv4 multicasts come back to this machine (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let socket = ayi::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_multicast_loop_v4(false)?;
    /// assert!(!socket.multicast_loop_v4()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.socket.std().multicast_loop_v4()
    }

    /// Sets [`multicast_loop_v4`](UdpSocket::multicast_loop_v4).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_multicast_loop_v4(&self, value: bool) -> io::Result<()> {
        self.socket.std().set_multicast_loop_v4(value)
    }

    /// Returns whether IPv6 multicasts come back to this machine (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// if let Ok(socket) = ayi::net::UdpSocket::bind("[::1]:0").await {
    ///     socket.set_multicast_loop_v6(false)?;
    ///     assert!(!socket.multicast_loop_v6()?);
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.socket.std().multicast_loop_v6()
    }

    /// Sets [`multicast_loop_v6`](UdpSocket::multicast_loop_v6).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_multicast_loop_v6(&self, value: bool) -> io::Result<()> {
        self.socket.std().set_multicast_loop_v6(value)
    }

    /// Returns how many hops its IPv4 multicasts may take (`IP_MULTICAST_TTL`). It is 1 at first: this network.
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let socket = ayi::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_multicast_ttl_v4(3)?; // three routers away
    /// assert_eq!(socket.multicast_ttl_v4()?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket.std().multicast_ttl_v4()
    }

    /// Sets [`multicast_ttl_v4`](UdpSocket::multicast_ttl_v4).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_multicast_ttl_v4(&self, value: u32) -> io::Result<()> {
        self.socket.std().set_multicast_ttl_v4(value)
    }

    /// Joins the group `multicast` on the interface with the address `interface` (`IP_ADD_MEMBERSHIP`). `UNSPECIFIED`
    /// lets the system choose an interface.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports: `InvalidInput` if it is no multicast address.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::net::Ipv4Addr;
    /// # let socket = ayi::net::UdpSocket::bind("0.0.0.0:7000").await?;
    /// let group = Ipv4Addr::new(239, 1, 2, 3);
    /// socket.join_multicast_v4(group, Ipv4Addr::UNSPECIFIED)?;
    /// socket.leave_multicast_v4(group, Ipv4Addr::UNSPECIFIED)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn join_multicast_v4(&self, multicast: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.socket.std().join_multicast_v4(&multicast, &interface)
    }

    /// Joins the group `multicast` on the interface of this index (`IPV6_ADD_MEMBERSHIP`). 0 lets the system choose an
    /// interface.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports: `InvalidInput` if it is no multicast address.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::net::Ipv6Addr;
    /// # let socket = ayi::net::UdpSocket::bind("[::]:7000").await?;
    /// let group: Ipv6Addr = "ff02::123".parse().unwrap();
    /// socket.join_multicast_v6(&group, 0)?; // 0: any interface
    /// socket.leave_multicast_v6(&group, 0)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn join_multicast_v6(&self, multicast: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.std().join_multicast_v6(multicast, interface)
    }

    /// Leaves a group that was [joined](UdpSocket::join_multicast_v4).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn leave_multicast_v4(&self, multicast: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.socket.std().leave_multicast_v4(&multicast, &interface)
    }

    /// Leaves a group that was [joined](UdpSocket::join_multicast_v6).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn leave_multicast_v6(&self, multicast: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.std().leave_multicast_v6(multicast, interface)
    }

    /// Returns the network device that it is bound to, by name (socket(7), `SO_BINDTODEVICE`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        SockRef::from(self.socket.std()).device()
    }

    /// Binds it to a network device, such as `b"eth0"`, or with `None` to any. Some systems require the capability
    /// `CAP_NET_RAW`.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let socket = ayi::net::UdpSocket::bind("0.0.0.0:0").await?;
    /// socket.bind_device(Some(b"eth0"))?;
    /// assert_eq!(socket.device()?.as_deref(), Some(&b"eth0"[..]));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn bind_device(&self, device: Option<&[u8]>) -> io::Result<()> {
        SockRef::from(self.socket.std()).bind_device(device)
    }
}
