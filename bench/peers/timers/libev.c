/* Timers on libev (Debian's package libev-dev). Arguments are a piece of work, and of how many timers; the answer is
 * nanoseconds on stdout.
 *
 * A timer is a watcher, a struct of the program's; libev keeps those that are active in a heap with four children to a
 * node. A delay counts from the time at which the turn of the loop began: no clock is read for a timer. epoll is asked
 * to wait for whole milliseconds. */

#include "../common.h"
#include <ev.h>

static struct ev_loop *loop;
static size_t fired;

static void on_never(struct ev_loop *unused, ev_timer *timer, int events)
{
    (void)unused, (void)timer, (void)events;
    die("libev", "a timer has fired that is due in half a minute");
}

/* Each is made, started and stopped. */
static int64_t create(size_t n)
{
    int64_t start = now(CLOCK_MONOTONIC);
    for (size_t i = 0; i < n; i++) {
        ev_timer timer;
        ev_timer_init(&timer, on_never, 30., 0.);
        ev_timer_start(loop, &timer);
        ev_timer_stop(loop, &timer);
    }
    return now(CLOCK_MONOTONIC) - start;
}

/* All are pending, and each is given another delay. */
static int64_t move(size_t n)
{
    ev_timer *timers = allocate(n * sizeof *timers);
    for (size_t i = 0; i < n; i++) {
        ev_timer_init(&timers[i], on_never, 0., before(i));
        ev_timer_again(loop, &timers[i]);
    }
    int64_t start = now(CLOCK_MONOTONIC);
    for (size_t i = 0; i < n; i++) {
        timers[i].repeat = after(i);
        ev_timer_again(loop, &timers[i]);
    }
    int64_t took = now(CLOCK_MONOTONIC) - start;
    for (size_t i = 0; i < n; i++)
        ev_timer_stop(loop, &timers[i]);
    free(timers);
    return took;
}

/* One that has fired is no longer active. */
static void on_fired(struct ev_loop *unused, ev_timer *timer, int events)
{
    (void)unused, (void)events;
    fired++;
    free(timer);
}

static int64_t start_all(size_t n, int64_t (*delay)(size_t))
{
    int64_t longest = 0;
    ev_now_update(loop);
    for (size_t i = 0; i < n; i++) {
        ev_timer *timer = allocate(sizeof *timer);
        ev_timer_init(timer, on_fired, (double)delay(i) / SECOND, 0.);
        ev_timer_start(loop, timer);
        longest = delay(i) > longest ? delay(i) : longest;
    }
    return longest;
}

/* All fire within a second. Returns the CPU time. */
static int64_t fire(size_t n)
{
    int64_t cpu = now(CLOCK_THREAD_CPUTIME_ID), start = now(CLOCK_MONOTONIC);
    int64_t longest = start_all(n, spread);
    ev_run(loop, 0);
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    check_fired(fired, n, start, longest);
    return cpu;
}

/* All are due when the loop runs. */
static int64_t due(size_t n)
{
    int64_t start = now(CLOCK_MONOTONIC), longest = start_all(n, later);
    sleep_until_due();
    ev_run(loop, 0);
    check_fired(fired, n, start, longest);
    return now(CLOCK_MONOTONIC) - start;
}

static void on_late(struct ev_loop *unused, ev_timer *timer, int events)
{
    (void)unused, (void)timer, (void)events;
    fired++;
}

/* Returns by how much the latest of a hundred is late. */
static int64_t late(size_t n)
{
    int64_t *values = allocate(n * sizeof *values);
    for (size_t i = 0; i < n; i++) {
        int64_t start = now(CLOCK_MONOTONIC);
        ev_timer timer;
        ev_now_update(loop);
        ev_timer_init(&timer, on_late, (double)SHORT / SECOND, 0.);
        ev_timer_start(loop, &timer);
        ev_run(loop, 0);
        values[i] = now(CLOCK_MONOTONIC) - start - SHORT;
    }
    if (fired != n)
        die("libev", "not all have fired");
    int64_t value = p99(values, n);
    free(values);
    return value;
}

int main(int argc, char **argv)
{
    loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (loop == NULL)
        die("libev", "no loop on epoll");
    const struct work works[] = {{"create", create}, {"move", move}, {"fire", fire}, {"due", due}, {"late", late}};
    do_work(works, sizeof works / sizeof *works, argc, argv);
    ev_loop_destroy(loop);
}
