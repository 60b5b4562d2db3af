/* Echo on libuv (Debian's package libuv1-dev). An argument is the size of a connection's buffer.
 *
 * libuv has handles, which live long, such as a socket. It has requests, which live for one operation, such as a write.
 * The memory of both is the program's. libuv moves the bytes itself, and then calls the program. Closing a handle is an
 * operation too: its memory is the program's again when the callback of `uv_close` is called.
 *
 * An answer is written at once, as far as the kernel takes it. A request is made only for the rest. Until that is
 * written nothing is read, so one request and one buffer are enough for a connection. */

#include "../common.h"
#include <signal.h>
#include <uv.h>

struct connection {
    uv_tcp_t socket; /* first: a pointer to it is one to the connection */
    uv_write_t request;
    char bytes[];
};

static size_t room;

static void check(const char *what, int result)
{
    if (result < 0)
        die(what, uv_strerror(result));
}

static void on_closed(uv_handle_t *handle) { free(handle); }

static void end(uv_stream_t *stream)
{
    if (!uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_room_needed(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    *buf = uv_buf_init(((struct connection *)handle)->bytes, room);
}

static void on_read(uv_stream_t *stream, ssize_t received, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int status)
{
    if (status < 0 || uv_read_start(request->handle, on_room_needed, on_read) < 0)
        end(request->handle);
}

static void on_read(uv_stream_t *stream, ssize_t received, const uv_buf_t *buf)
{
    struct connection *it = (struct connection *)stream;
    if (received < 0) /* the end is an error too: UV_EOF */
        return end(stream);
    if (received == 0) /* there was nothing after all */
        return;
    uv_buf_t rest = uv_buf_init(buf->base, received);
    int sent = uv_try_write(stream, &rest, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        return end(stream);
    rest.base += sent < 0 ? 0 : sent;
    rest.len -= sent < 0 ? 0 : sent;
    if (rest.len == 0)
        return;
    uv_read_stop(stream);
    if (uv_write(&it->request, stream, &rest, 1, on_written) < 0)
        end(stream);
}

static void on_connect(uv_stream_t *listener, int status)
{
    check("accept", status);
    struct connection *it = allocate(sizeof *it + room);
    check("uv_tcp_init", uv_tcp_init(listener->loop, &it->socket));
    check("uv_accept", uv_accept(listener, (uv_stream_t *)&it->socket));
    check("uv_tcp_nodelay", uv_tcp_nodelay(&it->socket, 1));
    check("uv_read_start", uv_read_start((uv_stream_t *)&it->socket, on_room_needed, on_read));
}

/* The signal's own handle and the listener are not connections: `main` has their memory. */
static void close_each(uv_handle_t *handle, void *terminate)
{
    if (uv_is_closing(handle))
        return;
    uv_signal_t *signal = terminate;
    uv_close(handle, handle == (uv_handle_t *)signal || handle == signal->data ? NULL : on_closed);
}

/* The loop ends when nothing is open any more. */
static void on_terminate(uv_signal_t *terminate, int signal)
{
    (void)signal;
    uv_walk(terminate->loop, close_each, terminate);
}

int main(int argc, char **argv)
{
    room = number(argc, argv, 1);
    /* A peer that has gone is an error of the write, and not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    uv_loop_t loop;
    check("uv_loop_init", uv_loop_init(&loop));

    uv_tcp_t listener;
    struct sockaddr_in address = loopback();
    check("uv_tcp_init", uv_tcp_init(&loop, &listener));
    check("uv_tcp_bind", uv_tcp_bind(&listener, (struct sockaddr *)&address, 0));
    check("uv_listen", uv_listen((uv_stream_t *)&listener, BACKLOG, on_connect));

    uv_signal_t terminate;
    check("uv_signal_init", uv_signal_init(&loop, &terminate));
    check("uv_signal_start", uv_signal_start(&terminate, on_terminate, SIGTERM));
    terminate.data = &listener;

    uv_os_fd_t fd;
    check("uv_fileno", uv_fileno((uv_handle_t *)&listener, &fd));
    announce(fd);
    uv_run(&loop, UV_RUN_DEFAULT);
    check("uv_loop_close", uv_loop_close(&loop));
}
