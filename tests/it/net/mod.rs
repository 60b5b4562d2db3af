//! Sockets, and names of hosts.

mod accept;
mod buffers;
mod lookup;
mod shared_descriptions;
mod tcp;
mod tcp_connect;
mod tcp_halves;
mod tcp_socket;
mod udp;
mod unix_sockets;
