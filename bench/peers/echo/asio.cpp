// Echo on Boost.Asio (Debian's package libboost-dev), with callbacks. An argument is the size of a connection's buffer.
//
// Boost.Asio is a proactor: an operation is begun with the buffer that it is for, and its handler is called when the
// bytes have been moved. On Linux a reactor on epoll does that behind it: each operation is tried at once, and waits if
// it would block. The handler keeps the connection alive by a shared pointer, so a connection ends when it has no
// operation under way.
//
// The hint says that one thread uses the context, so that it needs no lock.

#include "../common.h"
#include <boost/asio.hpp>
#include <csignal>
#include <memory>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class connection : public std::enable_shared_from_this<connection> {
public:
    connection(tcp::socket socket, std::size_t room) : socket_(std::move(socket)), bytes_(room) {}

    void receive()
    {
        socket_.async_read_some(asio::buffer(bytes_), [self = shared_from_this()](error_code error, std::size_t bytes) {
            if (!error)
                self->send_back(bytes);
        });
    }

private:
    void send_back(std::size_t bytes)
    {
        asio::async_write(socket_, asio::buffer(bytes_, bytes),
                          [self = shared_from_this()](error_code error, std::size_t) {
                              if (!error)
                                  self->receive();
                          });
    }

    tcp::socket socket_;
    std::vector<char> bytes_;
};

static void accept(tcp::acceptor &listener, std::size_t room)
{
    listener.async_accept([&listener, room](error_code error, tcp::socket socket) {
        if (error && error != asio::error::connection_aborted)
            die("accept", error.message().c_str());
        if (!error) {
            socket.set_option(tcp::no_delay(true));
            std::make_shared<connection>(std::move(socket), room)->receive();
        }
        accept(listener, room);
    });
}

int main(int argc, char **argv)
try {
    const std::size_t room = number(argc, argv, 1);
    asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);

    const tcp::endpoint address(asio::ip::address_v4::loopback(), 0);
    tcp::acceptor listener(context, address.protocol());
    listener.bind(address);
    listener.listen(BACKLOG);
    accept(listener, room);

    asio::signal_set terminate(context, SIGTERM);
    terminate.async_wait([&context](error_code, int) { context.stop(); });
    announce(listener.native_handle());
    // What is under way when this returns is destroyed with the context, and with it the connections.
    context.run();
} catch (const std::exception &error) {
    die("Boost.Asio", error.what());
}
