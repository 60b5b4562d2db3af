/* What the peers need besides their library: an end with a reason, arguments, clocks, and what the timers of each
 * program have in common. It is C, and C++ as well. */

#ifndef PEERS_COMMON_H
#define PEERS_COMMON_H

#ifndef _GNU_SOURCE /* for accept4; g++ defines it by itself */
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* The longest queue of connections that the kernel permits (net.core.somaxconn): the servers in Rust have it too. */
#define BACKLOG 65535

/* Times are nanoseconds. */
#define MILLISECOND 1000000LL
#define SECOND 1000000000LL

/* Ends the process, which cannot do its work. */
__attribute__((noreturn)) static inline void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* Returns memory, or ends the process. */
static inline void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (memory == NULL)
        die("malloc", strerror(errno));
    return memory;
}

/* Returns an argument, which has to be a number above 0. */
static inline size_t number(int argc, char **argv, int index)
{
    char *end = NULL;
    unsigned long value = index < argc ? strtoul(argv[index], &end, 10) : 0;
    if (value == 0 || *end != '\0')
        die(argv[0], "a number above 0 is missing");
    return value;
}

static inline struct sockaddr_in loopback(void)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* Prints where this socket listens, which is what the client waits for. */
static inline void announce(int listener)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        die("getsockname", strerror(errno));
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    if (fflush(stdout) != 0)
        die("stdout", strerror(errno));
}

/* Returns nanoseconds. */
static inline int64_t now(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        die("clock_gettime", strerror(errno));
    return time.tv_sec * SECOND + time.tv_nsec;
}

/* The delays of timers that fire within a second, in nanoseconds: in another order than that of `i`. */
static inline int64_t spread(size_t i)
{
    return (int64_t)((uint32_t)i * 2654435761U) * 1000 / 4295;
}

/* The delays of a timer that is moved, before and after, in seconds. */
static inline unsigned before(size_t i) { return 60 + i % 600; }
static inline unsigned after(size_t i) { return 30 + i % 900; }

/* How late a sleep is: so much is asked for, in nanoseconds. */
#define SHORT 200000LL

/* Timers that are counted: all are due within a quarter of a second that begins after so long, in nanoseconds. By then
 * all have been made, also where a tool makes the process slow. */
#define LATER (2 * SECOND)
static inline int64_t later(size_t i) { return LATER + spread(i) / 4; }

/* Blocks until timers with these delays are due. */
static inline void sleep_until_due(void)
{
    struct timespec time = {(LATER + SECOND / 4) / SECOND, (LATER + SECOND / 4) % SECOND};
    while (nanosleep(&time, &time) != 0)
        if (errno != EINTR)
            die("nanosleep", strerror(errno));
}

static inline int is_longer(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Returns what 99 % do not exceed. */
static inline int64_t p99(int64_t *values, size_t n)
{
    qsort(values, n, sizeof *values, is_longer);
    return values[n * 99 / 100];
}

/* Ends the process if not all have fired, or if they have before the last was due. A library may count in milliseconds,
 * from the one that has begun. */
static inline void check_fired(size_t fired, size_t n, int64_t start, int64_t longest)
{
    if (fired != n)
        die("timers", "not all have fired");
    if (now(CLOCK_MONOTONIC) - start < longest - 10 * MILLISECOND)
        die("timers", "one has fired before it was due");
}

/* A program of timers does one of these, and prints how many nanoseconds it returns. */
struct work {
    const char *name;
    int64_t (*run)(size_t n);
};

static inline void do_work(const struct work *works, size_t length, int argc, char **argv)
{
    size_t n = number(argc, argv, 2);
    for (size_t i = 0; i < length; i++) {
        if (strcmp(works[i].name, argv[1]) == 0) {
            printf("%lld\n", (long long)works[i].run(n));
            if (fflush(stdout) != 0)
                die("stdout", strerror(errno));
            return;
        }
    }
    die(argv[1], "there is no such work");
}

#endif
