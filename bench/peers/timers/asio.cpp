// Timers on Boost.Asio (Debian's package libboost-dev). Arguments are a piece of work, and of how many timers; the
// answer is nanoseconds on stdout.
//
// A timer is an object, and a wait for it is an operation with a handler. The timers that are waited for are in a heap.
// A wait that is cancelled has its handler called with an error, in the next turn of the loop. So has the wait for a
// timer that is destroyed. Each wait costs an allocation, whose memory Boost.Asio keeps for the next one. A delay counts
// from the clock, and epoll watches a timerfd for the earliest.

#include "../common.h"
#include <algorithm>
#include <boost/asio.hpp>
#include <chrono>
#include <iterator>
#include <memory>
#include <vector>

namespace asio = boost::asio;
using asio::steady_timer;
using boost::system::error_code;
using std::chrono::nanoseconds;
using std::chrono::seconds;

static asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
static std::size_t fired, cancelled;

static void expect_cancel(error_code error)
{
    if (error != asio::error::operation_aborted)
        die("Boost.Asio", "a timer has fired that is due in half a minute");
    ++cancelled;
}

static void check_cancelled(std::size_t n)
{
    if (cancelled != n)
        die("Boost.Asio", "not all handlers have been called");
}

// Each is made, waited for and destroyed; a turn of the loop calls a hundred handlers. Without the guard the first one
// would be the last: a context ends when there is nothing to wait for.
static std::int64_t create(std::size_t n)
{
    const auto goes_on = asio::make_work_guard(context);
    const auto start = now(CLOCK_MONOTONIC);
    for (std::size_t i = 0; i < n; ++i) {
        {
            steady_timer timer(context, seconds(30));
            timer.async_wait(expect_cancel);
        }
        if (i % 100 == 99 || i == n - 1)
            context.poll();
    }
    const auto took = now(CLOCK_MONOTONIC) - start;
    check_cancelled(n);
    return took;
}

// All are pending, and each is given another delay: that cancels the wait, and another one is begun.
static std::int64_t move(std::size_t n)
{
    const auto goes_on = asio::make_work_guard(context);
    std::vector<steady_timer> timers;
    timers.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
        timers.emplace_back(context, seconds(before(i)));
        timers[i].async_wait(expect_cancel);
    }
    const auto start = now(CLOCK_MONOTONIC);
    for (std::size_t i = 0; i < n; ++i) {
        timers[i].expires_after(seconds(after(i)));
        timers[i].async_wait(expect_cancel);
        if (i % 100 == 99 || i == n - 1)
            context.poll();
    }
    const auto took = now(CLOCK_MONOTONIC) - start;
    check_cancelled(n);
    timers.clear();
    context.poll();
    return took;
}

static std::int64_t start_all(std::size_t n, std::int64_t (*delay)(std::size_t))
{
    std::int64_t longest = 0;
    for (std::size_t i = 0; i < n; ++i) {
        auto timer = std::make_unique<steady_timer>(context, nanoseconds(delay(i)));
        auto &waiting = *timer;
        // The handler owns the timer.
        waiting.async_wait([timer = std::move(timer)](error_code error) { fired += !error; });
        longest = std::max(longest, delay(i));
    }
    return longest;
}

// All fire within a second. Returns the CPU time.
static std::int64_t fire(std::size_t n)
{
    const auto cpu = now(CLOCK_THREAD_CPUTIME_ID), start = now(CLOCK_MONOTONIC);
    const auto longest = start_all(n, spread);
    context.run();
    const auto took = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    check_fired(fired, n, start, longest);
    return took;
}

// All are due when the loop runs.
static std::int64_t due(std::size_t n)
{
    const auto start = now(CLOCK_MONOTONIC), longest = start_all(n, later);
    sleep_until_due();
    context.run();
    check_fired(fired, n, start, longest);
    return now(CLOCK_MONOTONIC) - start;
}

// Returns by how much the latest of a hundred is late.
static std::int64_t late(std::size_t n)
{
    std::vector<std::int64_t> values;
    for (std::size_t i = 0; i < n; ++i) {
        const auto start = now(CLOCK_MONOTONIC);
        steady_timer timer(context, nanoseconds(SHORT));
        timer.async_wait([](error_code error) { fired += !error; });
        context.run();
        context.restart();
        values.push_back(now(CLOCK_MONOTONIC) - start - SHORT);
    }
    if (fired != n)
        die("Boost.Asio", "not all have fired");
    return p99(values.data(), n);
}

int main(int argc, char **argv)
try {
    const work works[] = {{"create", create}, {"move", move}, {"fire", fire}, {"due", due}, {"late", late}};
    do_work(works, std::size(works), argc, argv);
} catch (const std::exception &error) {
    die("Boost.Asio", error.what());
}
