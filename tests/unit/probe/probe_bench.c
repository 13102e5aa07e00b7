/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/probe/probe_bench.h"

#include "common/base/log.h"
#include "common/ipc/plaintext_socket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct counters counters;
volatile int stop;
char line[512], said[4096];
struct fake_kernel kernel;
struct fake_discovery discovery;
struct fake_bus bus;

/* --- the kernel --- */

int kernel_open(struct kernel **out, const struct probe_config *config, uint64_t ring_bytes,
                uint32_t sessions, int processes_fd, struct counters *c, char *error,
                size_t error_bytes)
{
    (void)config;
    (void)processes_fd;
    assert_true(ring_bytes > 0 && sessions > 0 && c == &counters);
    kernel.opened = true;
    *out = kernel.error == 0 ? (struct kernel *)(void *)&kernel : NULL;
    snprintf(error, error_bytes, "the kernel lacks something");
    return kernel.error;
}

void kernel_close(struct kernel *k)
{
    (void)k;
    kernel.closed = true;
}

int kernel_attach(struct kernel *k, const char *path, uint16_t image, const struct plan *p)
{
    (void)k;
    (void)path;
    (void)image;
    (void)p;
    return 0;
}

void kernel_detach(struct kernel *k, int handle)
{
    (void)k;
    (void)handle;
}

static void watched(char sign, pid_t pid)
{
    size_t n = strlen(kernel.watched);

    snprintf(kernel.watched + n, sizeof kernel.watched - n, "%c%d ", sign, pid - (int)PID);
}

void kernel_watch(struct kernel *k, pid_t pid)
{
    (void)k;
    watched('+', pid);
}

void kernel_unwatch(struct kernel *k, pid_t pid)
{
    (void)k;
    watched('-', pid);
}

int kernel_fd(const struct kernel *k)
{
    (void)k;
    return discovery.fd;
}

int kernel_poll(struct kernel *k, void (*take)(void *arg, const struct probe_event *e), void *arg,
                int max)
{
    (void)k;
    kernel.take = take;
    kernel.arg = arg;
    kernel.full = false;
    if (kernel.turn < TURNS && kernel.script[kernel.turn])
        kernel.script[kernel.turn++]();
    else
        stop = 1;
    return kernel.full ? max : 0;
}

void kernel_count(struct kernel *k)
{
    (void)k;
}

pid_t kernel_owner(struct kernel *k, const struct flow_key *key, unsigned end)
{
    (void)k;
    (void)key;
    return end == 0 ? (pid_t)PID : 0;
}

/* --- discovery --- */

int discover_open(struct discover **out, const struct discover_ops *ops, void *user,
                  struct counters *c)
{
    (void)c;
    discovery.ops = *ops;
    discovery.user = user;
    *out = (struct discover *)(void *)&discovery;
    return 0;
}

void discover_close(struct discover *d)
{
    (void)d;
}

void discover_forget(struct discover *d, uint64_t device, uint64_t inode)
{
    (void)d;
    (void)device;
    (void)inode;
}

int discover_fds(const struct discover *d, int fds[DISCOVER_FDS_MAX])
{
    (void)d;
    fds[0] = discovery.fd;
    return 1;
}

bool discover_run(struct discover *d, uint64_t now_ns)
{
    (void)d;
    assert_true(now_ns > 0);
    discovery.runs++;
    return false;
}

/* --- bus and sockets --- */

int bus_open_client(struct bus **out, const char *run_dir)
{
    assert_string_equal(run_dir, "/run/dir");
    *out = bus.error == 0 ? (struct bus *)(void *)&bus : NULL;
    return bus.error;
}

int bus_subscribe(struct bus *b, const char *topic)
{
    (void)b;
    assert_string_equal(topic, "event/owner/");
    return 0;
}

void bus_close(struct bus *b, int linger_ms)
{
    (void)b;
    (void)linger_ms;
}

bool bus_receive(struct bus *b, struct bus_message *m)
{
    (void)b;
    if (!bus.asked)
        return false;
    bus.asked = false;
    *m = bus.question;
    return true;
}

int bus_publish(struct bus *b, const char *topic, const void *body, size_t len)
{
    (void)b;
    assert_string_equal(topic, "event/owned/worker-1/");
    assert_int_equal(owner_answer_decode(body, len, &bus.answer), 0);
    return 0;
}

int bus_fds(const struct bus *b, int fds[3])
{
    (void)b;
    (void)fds;
    return 0;
}

int plaintext_socket_bind(struct plaintext_socket **out, const char *run_dir, uid_t uid, gid_t gid)
{
    (void)uid;
    (void)gid;
    assert_string_equal(run_dir, "/run/dir");
    *out = (struct plaintext_socket *)(void *)&bus;
    return 0;
}

void plaintext_socket_close(struct plaintext_socket *s)
{
    (void)s;
}

static void say(const char *fmt, ...)
{
    size_t n = strlen(said);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(said + n, sizeof said - n, fmt, ap);
    va_end(ap);
}

int plaintext_socket_send(struct plaintext_socket *s, const char *node, const void *body,
                          size_t len)
{
    struct plaintext_reader r;
    struct plaintext_item item;

    (void)s;
    assert_string_equal(node, "worker-1");
    if (bus.refuse > 0) {
        bus.refuse--;
        return -EAGAIN;
    }
    assert_int_equal(plaintext_reader_init(&r, body, len), 0);
    while (plaintext_read(&r, &item) == 1) {
        if (item.type == PLAINTEXT_OPEN)
            say("open %u ", item.open.process.pid - PID);
        else if (item.type == PLAINTEXT_DATA)
            say("%.*s ", (int)item.data.bytes.len, item.data.bytes.p);
        else if (item.type == PLAINTEXT_CLOSE)
            say("close ");
    }
    return 0;
}

const char *plaintext_socket_arrival(struct plaintext_socket *s)
{
    const char *first = bus.arrivals[0];

    (void)s;
    memmove(bus.arrivals, bus.arrivals + 1, sizeof bus.arrivals - sizeof bus.arrivals[0]);
    return first;
}

int plaintext_socket_fd(const struct plaintext_socket *s)
{
    (void)s;
    return discovery.fd;
}

/* --- what else is not of interest --- */

void *heritage_map(int fd, size_t bytes)
{
    (void)fd;
    assert_true(bytes >= sizeof counters);
    return &counters;
}

bool heritage_orphaned(const struct heritage *h)
{
    (void)h;
    return false;
}

#define LOG(name)                                                                                  \
    void name(const char *fmt, ...)                                                                \
    {                                                                                              \
        va_list ap;                                                                                \
                                                                                                   \
        va_start(ap, fmt);                                                                         \
        vsnprintf(line, sizeof line, fmt, ap);                                                     \
        va_end(ap);                                                                                \
    }
LOG(log_error)
LOG(log_warn)
LOG(log_info)
LOG(log_debug)
