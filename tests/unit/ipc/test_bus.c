/* SPDX-License-Identifier: BSD-3-Clause */
/* A broker, a worker's bus and a logger's, in one process over real sockets in a folder of their
 * own. Nothing sleeps for luck: pump() waits on the descriptors until what is expected has come. */
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/ipc/broker.h"
#include "common/ipc/bus.h"
#include "common/ipc/bus_socket.h"
#include "common/ipc/heritage.h"
#include "tests/unit/file_put.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_NS (20 * NS_PER_SEC)

static char dir[64];
static struct broker *broker;
static struct heritage worker_heritage, logger_heritage;
static struct bus *worker, *logger;

/* What a bus was told last, and how much in all. */
struct heard {
    unsigned messages;
    unsigned subscriptions;
    bool tap_left;
    char topic[128];
    char body[128];
};
static struct heard at_worker, at_logger;

/* A socket of this name is replaced by a link as soon as it is bound: so might whoever may write to
 * the folder. */
static const char *stolen_name, *stolen_target;

int zmq_bind(void *socket, const char *endpoint)
{
    int (*real)(void *, const char *) = (int (*)(void *, const char *))dlsym(RTLD_NEXT, "zmq_bind");
    const char *name = strrchr(endpoint, '/'), *path = endpoint + strlen("ipc://");
    int rc = real(socket, endpoint);

    if (rc == 0 && stolen_name && strcmp(name + 1, stolen_name) == 0)
        assert_true(unlink(path) == 0 && symlink(stolen_target, path) == 0);
    return rc;
}

static void make_heritage(struct heritage *h, enum node_kind kind, const char *node)
{
    memset(h, 0, sizeof *h);
    h->kind = kind;
    snprintf(h->node, sizeof h->node, "%s", node);
    snprintf(h->run_dir, sizeof h->run_dir, "%s", dir);
    snprintf(h->loggers[0], sizeof h->loggers[0], "logger-1");
    h->n_loggers = 1;
    h->uid = geteuid();
    h->gid = getegid();
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/spliff-test-bus-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    memset(&at_worker, 0, sizeof at_worker);
    memset(&at_logger, 0, sizeof at_logger);
    make_heritage(&worker_heritage, NODE_WORKER, "worker-1");
    make_heritage(&logger_heritage, NODE_LOGGER, "logger-1");
    if (broker_open(&broker, dir, (int)getegid()) < 0 || bus_open(&worker, &worker_heritage) < 0 ||
        bus_open(&logger, &logger_heritage) < 0)
        return -1;
    return 0;
}

static void unlink_in_dir(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
}

static int teardown(void **state)
{
    (void)state;
    bus_close(worker, 0);
    bus_close(logger, 0);
    broker_close(broker);
    worker = logger = NULL;
    unlink_in_dir("logger-1.log");
    unlink_in_dir("bus.in");
    unlink_in_dir("bus.out");
    return rmdir(dir);
}

static void listen_to(struct bus *b, struct heard *heard)
{
    struct bus_message m;

    while (b && bus_receive(b, &m)) {
        assert_in_range(m.topic_len, 0, sizeof heard->topic - 1);
        if (m.kind == BUS_UNSUBSCRIBED) {
            heard->tap_left |= m.topic_len == 9 && memcmp(m.topic, "log/http/", 9) == 0;
            continue;
        }
        memcpy(heard->topic, m.topic, m.topic_len);
        heard->topic[m.topic_len] = '\0';
        if (m.kind == BUS_SUBSCRIBED) {
            heard->subscriptions++;
            continue;
        }
        heard->messages++;
        if (m.body_len < sizeof heard->body) {
            memcpy(heard->body, m.body, m.body_len);
            heard->body[m.body_len] = '\0';
        }
    }
}

static void add_fds(struct pollfd *p, nfds_t *n, const struct bus *b)
{
    int fds[3], count = b ? bus_fds(b, fds) : 0;

    for (int i = 0; i < count; i++)
        p[(*n)++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
}

/* Runs all three until done() or the deadline, which fails the test. */
static void pump(bool (*done)(void), const char *what)
{
    uint64_t until = clock_mono_ns() + DEADLINE_NS;

    for (;;) {
        struct pollfd p[8];
        nfds_t n = 2;
        int fds[2];

        listen_to(worker, &at_worker);
        listen_to(logger, &at_logger);
        while (broker_run(broker, 64) == 64)
            ;
        if (done())
            return;
        if (clock_mono_ns() > until)
            fail_msg("%s never came", what);
        broker_fds(broker, fds);
        p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
        p[1] = (struct pollfd){.fd = fds[1], .events = POLLIN};
        add_fds(p, &n, worker);
        add_fds(p, &n, logger);
        poll(p, n, 1000);
    }
}

static bool worker_sees_logger(void)
{
    return strcmp(at_worker.topic, "logger/logger-1/") == 0;
}

static bool logger_has_message(void)
{
    return at_logger.messages > 0;
}

static bool worker_has_message(void)
{
    return at_worker.messages > 0;
}

static bool logger_sees_ack_subscription(void)
{
    return strcmp(at_logger.topic, "ack/worker-1/") == 0;
}

static bool worker_sees_tap(void)
{
    return strcmp(at_worker.topic, "log/http/") == 0;
}

static bool worker_sees_tap_leave(void)
{
    return at_worker.tap_left;
}

static void logger_is_seen_and_gets_batches_directly(void **state)
{
    (void)state;
    pump(worker_sees_logger, "the logger's subscription");
    assert_int_equal(bus_publish_joined(worker, "batches/worker-1/", "head+", 5, "rest", 4), 0);
    pump(logger_has_message, "the batch");
    assert_string_equal(at_logger.topic, "batches/worker-1/");
    assert_string_equal(at_logger.body, "head+rest");
    assert_int_equal(at_logger.messages, 1);
}

static void acknowledgements_come_back_by_the_broker(void **state)
{
    (void)state;
    assert_int_equal(bus_subscribe(worker, "ack/worker-1/"), 0);
    pump(logger_sees_ack_subscription, "the subscription to acks");
    assert_int_equal(bus_publish(logger, "ack/worker-10/", "no", 2), 0);
    assert_int_equal(bus_publish(logger, "ack/worker-1/", "yes", 3), 0);
    pump(worker_has_message, "the ack");
    assert_string_equal(at_worker.body, "yes");
    assert_int_equal(at_worker.messages, 1);
}

/* As a process leaves it that is killed. */
static void leave_stale_socket(const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    unlink_in_dir(name);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s/%s", dir, name);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    close(fd);
}

static void logger_that_comes_back_is_seen_again(void **state)
{
    (void)state;
    pump(worker_sees_logger, "the logger's subscription");
    bus_close(logger, 0);
    logger = NULL;
    memset(&at_worker, 0, sizeof at_worker);

    leave_stale_socket("logger-1.log");
    assert_int_equal(bus_open(&logger, &logger_heritage), 0);
    pump(worker_sees_logger, "the new logger's subscription");
    bus_publish(worker, "batches/worker-1/", "again", 5);
    pump(logger_has_message, "the batch");
    assert_string_equal(at_logger.body, "again");
}

/* The logger stands for any process that taps at the broker. */
static void tap_gets_a_copy_and_its_end_is_told(void **state)
{
    (void)state;
    pump(worker_sees_logger, "the logger's subscription");
    assert_int_equal(bus_subscribe(logger, "log/http/"), 0);
    pump(worker_sees_tap, "the tap's subscription");
    bus_publish(worker, "log/http/worker-1/", "live", 4);
    pump(logger_has_message, "the record");
    bus_close(logger, 0);
    logger = NULL;
    pump(worker_sees_tap_leave, "the end of the tap's subscription");
    for (unsigned i = 0; i < 2 * BUS_QUEUE_MESSAGES; i++)
        assert_int_equal(bus_publish(worker, "log/http/worker-1/", "nobody", 6), 0);
}

/* The reader does nothing while far more than a queue holds is published: the writer must get
 * through, and what the reader then gets comes whole. */
static void slow_reader_never_blocks_the_writer(void **state)
{
    static uint8_t big[65536];
    uint64_t begun = clock_mono_ns();

    (void)state;
    pump(worker_sees_logger, "the logger's subscription");
    for (unsigned i = 0; i < 3 * BUS_QUEUE_MESSAGES; i++)
        bus_publish(worker, "batches/worker-1/", big, sizeof big);
    assert_true(clock_mono_ns() - begun < DEADLINE_NS);
    pump(logger_has_message, "a batch");
    assert_in_range(at_logger.messages, 1, 3 * BUS_QUEUE_MESSAGES);
}

static void sockets_are_for_the_group_only(void **state)
{
    static const char *const names[] = {"bus.in", "bus.out", "logger-1.log"};
    char path[128];
    struct stat st;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 0777, 0770);
    }
}

static void gives_nobody_another_file(void **state)
{
    char target[96];
    void *context = zmq_ctx_new(), *socket = NULL;
    struct stat st;

    (void)state;
    if (geteuid() != 0)
        skip();
    snprintf(target, sizeof target, "%s/target", dir);
    file_put(target, "");
    assert_int_equal(bus_socket_open(&socket, context, ZMQ_PULL), 0);
    stolen_name = "stolen";
    stolen_target = target;
    bus_socket_bind(socket, dir, "stolen", 65534, 65534);
    stolen_name = NULL;
    zmq_close(socket);
    zmq_ctx_term(context);
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_uid, 0);
    unlink_in_dir("target");
    unlink_in_dir("stolen");
}

static void overlong_run_dir_is_refused(void **state)
{
    struct heritage h = logger_heritage;
    struct bus *b = NULL;
    struct broker *other = NULL;

    (void)state;
    memset(h.run_dir, 'd', 120);
    h.run_dir[0] = '/';
    h.run_dir[120] = '\0';
    assert_int_equal(bus_open(&b, &h), -ENAMETOOLONG);
    assert_int_equal(broker_open(&other, h.run_dir, -1), -ENAMETOOLONG);
    snprintf(h.run_dir, sizeof h.run_dir, "%s/missing", dir);
    assert_true(bus_open(&b, &h) < 0);
    assert_null(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logger_is_seen_and_gets_batches_directly, setup, teardown),
        cmocka_unit_test_setup_teardown(acknowledgements_come_back_by_the_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(logger_that_comes_back_is_seen_again, setup, teardown),
        cmocka_unit_test_setup_teardown(tap_gets_a_copy_and_its_end_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_reader_never_blocks_the_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(sockets_are_for_the_group_only, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_nobody_another_file, setup, teardown),
        cmocka_unit_test_setup_teardown(overlong_run_dir_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
