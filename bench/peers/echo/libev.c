/* Echo on libev (Debian's package libev-dev). An argument is the size of a connection's buffer.
 *
 * libev has watchers, structs that the program owns, each with the function that is called when a descriptor is ready.
 * Everything else is the program's: libev makes no sockets, moves no bytes, and allocates nothing for a watcher. It
 * reports levels, so what was not read in one turn of the loop is reported again in the next.
 *
 * Nothing is registered anew for an answer. A connection waits to write only if the kernel has taken less than all.
 * Meanwhile it reads nothing. */

#include "../common.h"
#include <ev.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <unistd.h>

struct connection {
    ev_io watcher; /* first: a pointer to it is one to the connection */
    LIST_ENTRY(connection) entry;
    size_t from, to; /* of the bytes: what is to be sent back */
    unsigned char bytes[];
};

static size_t room;
static LIST_HEAD(, connection) connections = LIST_HEAD_INITIALIZER(connections);

static void end(struct ev_loop *loop, struct connection *it)
{
    ev_io_stop(loop, &it->watcher);
    close(it->watcher.fd);
    LIST_REMOVE(it, entry);
    free(it);
}

static bool is_passing(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

static void wait_for(struct ev_loop *loop, struct connection *it, int events)
{
    if (it->watcher.events & events)
        return;
    ev_io_stop(loop, &it->watcher);
    ev_io_set(&it->watcher, it->watcher.fd, events);
    ev_io_start(loop, &it->watcher);
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct connection *it = (struct connection *)watcher;
    (void)events; /* it waits for one thing at a time */
    if (it->from == it->to) {
        ssize_t received = recv(watcher->fd, it->bytes, room, 0);
        if (received < 0 && is_passing(errno))
            return;
        if (received <= 0)
            return end(loop, it);
        it->from = 0;
        it->to = received;
    }
    ssize_t sent = send(watcher->fd, it->bytes + it->from, it->to - it->from, MSG_NOSIGNAL);
    if (sent < 0 && !is_passing(errno))
        return end(loop, it);
    it->from += sent < 0 ? 0 : sent;
    wait_for(loop, it, it->from < it->to ? EV_WRITE : EV_READ);
}

static void on_connect(struct ev_loop *loop, ev_io *listener, int events)
{
    (void)events;
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && is_passing(errno))
            return;
        if (fd < 0)
            die("accept", strerror(errno));
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
            die("TCP_NODELAY", strerror(errno));
        struct connection *it = allocate(sizeof *it + room);
        it->from = it->to = 0;
        LIST_INSERT_HEAD(&connections, it, entry);
        ev_io_init(&it->watcher, on_ready, fd, EV_READ);
        ev_io_start(loop, &it->watcher);
    }
}

static void on_terminate(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)watcher, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = loopback();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0)
        die("listen", strerror(errno));
    return fd;
}

int main(int argc, char **argv)
{
    room = number(argc, argv, 1);
    struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (loop == NULL)
        die("libev", "no loop on epoll");

    ev_signal terminate;
    ev_signal_init(&terminate, on_terminate, SIGTERM);
    ev_signal_start(loop, &terminate);
    ev_io listener;
    ev_io_init(&listener, on_connect, listen_on_loopback(), EV_READ);
    ev_io_start(loop, &listener);
    announce(listener.fd);
    ev_run(loop, 0);

    while (!LIST_EMPTY(&connections))
        end(loop, LIST_FIRST(&connections));
    ev_io_stop(loop, &listener);
    close(listener.fd);
    ev_signal_stop(loop, &terminate);
    ev_loop_destroy(loop);
}
