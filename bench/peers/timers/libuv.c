/* Timers on libuv (Debian's package libuv1-dev). Arguments are a piece of work, and of how many timers; the answer is
 * nanoseconds on stdout.
 *
 * A timer is a handle, a struct of the program's, which may be used again once the callback of its close has been
 * called; those that are started are in a heap. A delay is a number of milliseconds, and counts from the time at which
 * the turn of the loop began: no clock is read for a timer. So there is no `late` here: 200 µs cannot be asked for. */

#include "../common.h"
#include <uv.h>

static uv_loop_t loop;
static size_t fired, closed;

static void check(const char *what, int result)
{
    if (result < 0)
        die(what, uv_strerror(result));
}

static void on_never(uv_timer_t *timer)
{
    (void)timer;
    die("libuv", "a timer has fired that is due in half a minute");
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
    closed++;
}

static void start_timer(uv_timer_t *timer, uv_timer_cb callback, uint64_t milliseconds)
{
    check("uv_timer_init", uv_timer_init(&loop, timer));
    check("uv_timer_start", uv_timer_start(timer, callback, milliseconds, 0));
}

/* Each is made, started and closed; a turn of the loop ends a hundred closes. */
static int64_t create(size_t n)
{
    enum { AT_ONCE = 100 };
    uv_timer_t timers[AT_ONCE];
    int64_t start = now(CLOCK_MONOTONIC);
    for (size_t i = 0; i < n; i++) {
        uv_timer_t *timer = &timers[i % AT_ONCE];
        start_timer(timer, on_never, 30000);
        uv_close((uv_handle_t *)timer, on_closed);
        if (i % AT_ONCE == AT_ONCE - 1 || i == n - 1)
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    if (closed != n)
        die("libuv", "not all have been closed");
    return now(CLOCK_MONOTONIC) - start;
}

/* All are pending, and each is given another delay. */
static int64_t move(size_t n)
{
    uv_timer_t *timers = allocate(n * sizeof *timers);
    for (size_t i = 0; i < n; i++)
        start_timer(&timers[i], on_never, before(i) * 1000);
    int64_t start = now(CLOCK_MONOTONIC);
    for (size_t i = 0; i < n; i++)
        check("uv_timer_start", uv_timer_start(&timers[i], on_never, after(i) * 1000, 0));
    int64_t took = now(CLOCK_MONOTONIC) - start;
    for (size_t i = 0; i < n; i++)
        uv_close((uv_handle_t *)&timers[i], on_closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    free(timers);
    return took;
}

static void free_timer(uv_handle_t *handle) { free(handle); }

static void on_fired(uv_timer_t *timer)
{
    fired++;
    uv_close((uv_handle_t *)timer, free_timer);
}

static int64_t start_all(size_t n, int64_t (*delay)(size_t))
{
    int64_t longest = 0;
    uv_update_time(&loop);
    for (size_t i = 0; i < n; i++) {
        /* The loop's time is rounded down, and so a timer may be early by less than a millisecond. */
        start_timer(allocate(sizeof(uv_timer_t)), on_fired, (delay(i) + MILLISECOND - 1) / MILLISECOND);
        longest = delay(i) > longest ? delay(i) : longest;
    }
    return longest;
}

/* All fire within a second. Returns the CPU time. */
static int64_t fire(size_t n)
{
    int64_t cpu = now(CLOCK_THREAD_CPUTIME_ID), start = now(CLOCK_MONOTONIC);
    int64_t longest = start_all(n, spread);
    uv_run(&loop, UV_RUN_DEFAULT);
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    check_fired(fired, n, start, longest);
    return cpu;
}

/* All are due when the loop runs. */
static int64_t due(size_t n)
{
    int64_t start = now(CLOCK_MONOTONIC), longest = start_all(n, later);
    sleep_until_due();
    uv_run(&loop, UV_RUN_DEFAULT);
    check_fired(fired, n, start, longest);
    return now(CLOCK_MONOTONIC) - start;
}

int main(int argc, char **argv)
{
    check("uv_loop_init", uv_loop_init(&loop));
    const struct work works[] = {{"create", create}, {"move", move}, {"fire", fire}, {"due", due}};
    do_work(works, sizeof works / sizeof *works, argc, argv);
    check("uv_loop_close", uv_loop_close(&loop));
}
