/* Echo on libevent's bufferevents (Debian's package libevent-dev), as its book has it. An argument is how many bytes a
 * connection may have read and not yet sent.
 *
 * A bufferevent is a socket with two buffers. libevent fills the one for input, and sends what is in the one for output.
 * The program is called when there is input, and moves it to the output without a copy. This is less to write than
 * `libevent.c`, and costs more: each chunk of a buffer is an allocation, and each answer waits for an event to be sent.
 *
 * The output would grow without end if the peer sent and did not read. So reading pauses while at least the permitted
 * number of bytes waits to be sent. */

#include "../common.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/queue.h>

struct connection {
    struct bufferevent *stream;
    LIST_ENTRY(connection) entry;
    bool is_over; /* the peer sends no more */
};

static size_t room;
static LIST_HEAD(, connection) connections = LIST_HEAD_INITIALIZER(connections);

static void end(struct connection *it)
{
    bufferevent_free(it->stream); /* and its socket */
    LIST_REMOVE(it, entry);
    free(it);
}

static void on_input(struct bufferevent *stream, void *context)
{
    struct evbuffer *output = bufferevent_get_output(stream);
    if (bufferevent_read_buffer(stream, output) != 0)
        return end(context);
    if (evbuffer_get_length(output) >= room && bufferevent_disable(stream, EV_READ) != 0)
        end(context);
}

/* All that was to be sent has been. */
static void on_sent(struct bufferevent *stream, void *context)
{
    struct connection *it = context;
    if (it->is_over)
        end(it);
    else if (!(bufferevent_get_enabled(stream) & EV_READ) && bufferevent_enable(stream, EV_READ) != 0)
        end(it);
}

/* The end of the peer's bytes, or an error. */
static void on_end(struct bufferevent *stream, short what, void *context)
{
    struct connection *it = context;
    it->is_over = true;
    if (!(what & BEV_EVENT_EOF) || evbuffer_get_length(bufferevent_get_output(stream)) == 0)
        end(it);
}

static void on_connect(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length,
                       void *context)
{
    int yes = 1;
    (void)peer, (void)length, (void)context;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
        die("TCP_NODELAY", strerror(errno));
    struct connection *it = allocate(sizeof *it);
    it->is_over = false;
    it->stream = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    if (it->stream == NULL)
        die("libevent", "a bufferevent cannot be made");
    LIST_INSERT_HEAD(&connections, it, entry);
    bufferevent_setcb(it->stream, on_input, on_sent, on_end, it);
    bufferevent_setwatermark(it->stream, EV_READ, 0, room);
    if (bufferevent_enable(it->stream, EV_READ | EV_WRITE) != 0)
        end(it);
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
    /* A peer that has gone is an error of the write, and not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    if (base == NULL || strcmp(event_base_get_method(base), "epoll") != 0)
        die("libevent", "no loop on epoll");

    struct event *terminate = evsignal_new(base, SIGTERM, on_terminate, base);
    if (terminate == NULL || event_add(terminate, NULL) != 0)
        die("libevent", "no event for a signal");
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
