//! Reading, writing, and waiting for a descriptor.

mod async_fd;
mod async_fd_more;
mod copying;
mod families;
mod interests;
mod lines;
mod memory_streams;
mod pipes;
mod reactor;
mod reactor_waiters;
mod ready_guards;
mod timeout_stream;
mod traits;
mod write_buffer;
