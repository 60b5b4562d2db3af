// Echo on Boost.Asio (Debian's package libboost-dev), with the coroutines of C++20. An argument is the size of a
// connection's buffer.
//
// The operations are those of `asio.cpp`, but a connection is one function instead of a chain of handlers, and its state
// is the locals of that function. `co_await` suspends the coroutine, and the operation's handler resumes it.

#include "../common.h"
#include <utility> // Boost.Asio 1.18 uses it without naming it
#include <boost/asio.hpp>
#include <csignal>
#include <vector>

namespace asio = boost::asio;
using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::redirect_error;
using asio::use_awaitable;
using asio::ip::tcp;
using boost::system::error_code;

static awaitable<void> echo(tcp::socket socket, std::size_t room)
{
    std::vector<char> bytes(room);
    error_code error;
    for (;;) {
        const std::size_t received =
            co_await socket.async_read_some(asio::buffer(bytes), redirect_error(use_awaitable, error));
        if (error)
            co_return;
        co_await asio::async_write(socket, asio::buffer(bytes, received), redirect_error(use_awaitable, error));
        if (error)
            co_return;
    }
}

static awaitable<void> accept(tcp::acceptor &listener, std::size_t room)
{
    error_code error;
    for (;;) {
        tcp::socket socket = co_await listener.async_accept(redirect_error(use_awaitable, error));
        if (error == asio::error::connection_aborted)
            continue;
        if (error)
            die("accept", error.message().c_str());
        socket.set_option(tcp::no_delay(true));
        co_spawn(listener.get_executor(), echo(std::move(socket), room), detached);
    }
}

int main(int argc, char **argv)
try {
    const std::size_t room = number(argc, argv, 1);
    asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);

    const tcp::endpoint address(asio::ip::address_v4::loopback(), 0);
    tcp::acceptor listener(context, address.protocol());
    listener.bind(address);
    listener.listen(BACKLOG);
    co_spawn(context, accept(listener, room), detached);

    asio::signal_set terminate(context, SIGTERM);
    terminate.async_wait([&context](error_code, int) { context.stop(); });
    announce(listener.native_handle());
    // Coroutines that wait when this returns are destroyed with the context.
    context.run();
} catch (const std::exception &error) {
    die("Boost.Asio", error.what());
}
