/* Timers on libevent (Debian's package libevent-dev). Arguments are a piece of work, and of how many timers; the answer
 * is nanoseconds on stdout.
 *
 * A timer is an event without a descriptor, an object of the library; those that are pending are in a heap. A delay
 * counts from the time that the loop has last read, or from the clock if no callback is running. epoll is asked to wait
 * for whole milliseconds; EVENT_BASE_FLAG_PRECISE_TIMER, which uses a timerfd, is off, as it is by default. */

#include "../common.h"
#include <event2/event.h>

static struct event_base *base;
static size_t fired;

static void on_never(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what, (void)context;
    die("libevent", "a timer has fired that is due in half a minute");
}

static void add(struct event *timer, int64_t delay)
{
    struct timeval time = {delay / SECOND, delay % SECOND / 1000};
    if (timer == NULL || evtimer_add(timer, &time) != 0)
        die("libevent", "a timer cannot be added");
}

/* Each is made, added, and freed, which deletes it. */
static int64_t create(size_t n)
{
    int64_t start = now(CLOCK_MONOTONIC);
    for (size_t i = 0; i < n; i++) {
        struct event *timer = evtimer_new(base, on_never, NULL);
        add(timer, 30 * SECOND);
        event_free(timer);
    }
    return now(CLOCK_MONOTONIC) - start;
}

/* All are pending, and each is given another delay. */
static int64_t move(size_t n)
{
    struct event **timers = allocate(n * sizeof *timers);
    for (size_t i = 0; i < n; i++) {
        timers[i] = evtimer_new(base, on_never, NULL);
        add(timers[i], before(i) * SECOND);
    }
    int64_t start = now(CLOCK_MONOTONIC);
    for (size_t i = 0; i < n; i++)
        add(timers[i], after(i) * SECOND);
    int64_t took = now(CLOCK_MONOTONIC) - start;
    for (size_t i = 0; i < n; i++)
        event_free(timers[i]);
    free(timers);
    return took;
}

/* One that has fired is no longer pending. */
static void on_fired(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    fired++;
    event_free(context);
}

static int64_t start_all(size_t n, int64_t (*delay)(size_t))
{
    int64_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        add(evtimer_new(base, on_fired, event_self_cbarg()), delay(i));
        longest = delay(i) > longest ? delay(i) : longest;
    }
    return longest;
}

static void run(void)
{
    if (event_base_dispatch(base) < 0)
        die("libevent", "the loop has failed");
}

/* All fire within a second. Returns the CPU time. */
static int64_t fire(size_t n)
{
    int64_t cpu = now(CLOCK_THREAD_CPUTIME_ID), start = now(CLOCK_MONOTONIC);
    int64_t longest = start_all(n, spread);
    run();
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    check_fired(fired, n, start, longest);
    return cpu;
}

/* All are due when the loop runs. */
static int64_t due(size_t n)
{
    int64_t start = now(CLOCK_MONOTONIC), longest = start_all(n, later);
    sleep_until_due();
    run();
    check_fired(fired, n, start, longest);
    return now(CLOCK_MONOTONIC) - start;
}

/* Returns by how much the latest of a hundred is late. */
static int64_t late(size_t n)
{
    int64_t *values = allocate(n * sizeof *values);
    for (size_t i = 0; i < n; i++) {
        int64_t start = now(CLOCK_MONOTONIC);
        add(evtimer_new(base, on_fired, event_self_cbarg()), SHORT);
        run();
        values[i] = now(CLOCK_MONOTONIC) - start - SHORT;
    }
    if (fired != n)
        die("libevent", "not all have fired");
    int64_t value = p99(values, n);
    free(values);
    return value;
}

int main(int argc, char **argv)
{
    base = event_base_new();
    if (base == NULL || strcmp(event_base_get_method(base), "epoll") != 0)
        die("libevent", "no loop on epoll");
    const struct work works[] = {{"create", create}, {"move", move}, {"fire", fire}, {"due", due}, {"late", late}};
    do_work(works, sizeof works / sizeof *works, argc, argv);
    event_base_free(base);
    libevent_global_shutdown();
}
