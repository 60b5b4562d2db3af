/* Echo on libevent (Debian's package libevent-dev). An argument is the size of a connection's buffer.
 *
 * libevent has events: objects of the library, each for one descriptor and one direction, with the function that is
 * called when it is ready. A connection has two, of which one is pending: the program adds the one that it waits for.
 * The listener accepts by itself, and calls with the new socket. `bufferevent.c` leaves reading and writing to libevent
 * as well.
 *
 * Nothing is registered anew for an answer. EV_PERSIST keeps an event pending, and a connection waits to write only if
 * the kernel has taken less than all. Meanwhile it reads nothing. */

#include "../common.h"
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <unistd.h>

struct connection {
    struct event *readable, *writable;
    LIST_ENTRY(connection) entry;
    size_t from, to; /* of the bytes: what is to be sent back */
    unsigned char bytes[];
};

static size_t room;
static LIST_HEAD(, connection) connections = LIST_HEAD_INITIALIZER(connections);

static void end(struct connection *it)
{
    evutil_socket_t fd = event_get_fd(it->readable);
    event_free(it->readable);
    event_free(it->writable);
    evutil_closesocket(fd);
    LIST_REMOVE(it, entry);
    free(it);
}

static bool is_passing(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

static void stop_waiting(struct event *event)
{
    if (event_del(event) != 0)
        die("libevent", "an event cannot be deleted");
}

static void wait_for(struct event *event)
{
    if (event_add(event, NULL) != 0)
        die("libevent", "an event cannot be added");
}

/* Returns false if the connection is over. Otherwise what could not be sent is left. */
static bool send_back(evutil_socket_t fd, struct connection *it)
{
    ssize_t sent = send(fd, it->bytes + it->from, it->to - it->from, MSG_NOSIGNAL);
    if (sent < 0 && !is_passing(errno)) {
        end(it);
        return false;
    }
    it->from += sent < 0 ? 0 : sent;
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct connection *it = context;
    (void)what;
    ssize_t received = recv(fd, it->bytes, room, 0);
    if (received < 0 && is_passing(errno))
        return;
    if (received <= 0)
        return end(it);
    it->from = 0;
    it->to = received;
    if (send_back(fd, it) && it->from < it->to) {
        stop_waiting(it->readable);
        wait_for(it->writable);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct connection *it = context;
    (void)what;
    if (send_back(fd, it) && it->from == it->to) {
        stop_waiting(it->writable);
        wait_for(it->readable);
    }
}

/* The socket does not block: the listener has made it so. */
static void on_connect(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length,
                       void *context)
{
    struct event_base *base = evconnlistener_get_base(listener);
    int yes = 1;
    (void)peer, (void)length, (void)context;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
        die("TCP_NODELAY", strerror(errno));
    struct connection *it = allocate(sizeof *it + room);
    it->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, it);
    it->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, it);
    if (it->readable == NULL || it->writable == NULL)
        die("libevent", "an event cannot be made");
    it->from = it->to = 0;
    LIST_INSERT_HEAD(&connections, it, entry);
    wait_for(it->readable);
}

/* What passes, such as a client that has gone, the listener keeps to itself. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    (void)listener, (void)context;
    die("accept", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

static void on_terminate(evutil_socket_t signal, short what, void *context)
{
    (void)signal, (void)what;
    event_base_loopbreak(context);
}

int main(int argc, char **argv)
{
    room = number(argc, argv, 1);
    struct event_base *base = event_base_new();
    if (base == NULL || strcmp(event_base_get_method(base), "epoll") != 0)
        die("libevent", "no loop on epoll");

    struct event *terminate = evsignal_new(base, SIGTERM, on_terminate, base);
    if (terminate == NULL)
        die("libevent", "no event for a signal");
    wait_for(terminate);
    struct sockaddr_in address = loopback();
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, on_connect, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
                                (struct sockaddr *)&address, sizeof address);
    if (listener == NULL)
        die("listen", strerror(errno));
    evconnlistener_set_error_cb(listener, on_accept_error);
    announce(evconnlistener_get_fd(listener));
    if (event_base_dispatch(base) < 0)
        die("libevent", "the loop has failed");

    while (!LIST_EMPTY(&connections))
        end(LIST_FIRST(&connections));
    evconnlistener_free(listener);
    event_free(terminate);
    event_base_free(base);
    libevent_global_shutdown();
}
