//! Sockets, and names of hosts.

mod accept;
mod buffers;
mod hung_up;
mod lookup;
mod passing;
mod shared_descriptions;
mod tcp;
mod tcp_connect;
mod tcp_halves;
mod tcp_socket;
mod udp;
mod unix_sockets;
