/* SPDX-License-Identifier: BSD-3-Clause */
/* A probe's socket and workers', over a real path in a folder of its own. Nothing sleeps for luck:
 * what is waited for comes over the descriptors, or the test fails at a deadline. */
#include "common/base/clock.h"
#include "common/ipc/plaintext_socket.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_NS (20 * NS_PER_SEC)

static char dir[64];
static struct plaintext_socket *probe;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/spliff-test-plain-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    return plaintext_socket_bind(&probe, dir, geteuid(), getegid());
}

static int teardown(void **state)
{
    char path[96];

    (void)state;
    plaintext_socket_close(probe);
    snprintf(path, sizeof path, "%s/plain", dir);
    unlink(path);
    return rmdir(dir);
}

static void wait_for(struct plaintext_socket *s)
{
    struct pollfd p = {.fd = plaintext_socket_fd(s), .events = POLLIN};

    (void)poll(&p, 1, 10);
}

/* Both sides run: it is the worker's thread that says what it subscribes to, once it is connected.
 */
static struct plaintext_socket *worker_open(const char *node)
{
    uint64_t until = clock_mono_ns() + DEADLINE_NS;
    struct plaintext_socket *s = NULL;
    const char *arrived;
    const uint8_t *body;
    size_t n;

    assert_int_equal(plaintext_socket_connect(&s, dir, node), 0);
    while (!(arrived = plaintext_socket_arrival(probe)) && clock_mono_ns() < until) {
        assert_false(plaintext_socket_receive(s, &body, &n));
        wait_for(probe);
    }
    assert_non_null(arrived);
    assert_string_equal(arrived, node);
    return s;
}

static void expect_body(struct plaintext_socket *worker, const char *text)
{
    uint64_t until = clock_mono_ns() + DEADLINE_NS;
    const uint8_t *body = NULL;
    size_t n = 0;

    while (!plaintext_socket_receive(worker, &body, &n) && clock_mono_ns() < until)
        wait_for(worker);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(body, text, n);
}

static int send_text(const char *node, const char *text)
{
    return plaintext_socket_send(probe, node, text, strlen(text));
}

static void each_worker_gets_its_own(void **state)
{
    struct plaintext_socket *one, *ten;

    (void)state;
    assert_int_equal(send_text("worker-1", "early"), -ENOENT);
    one = worker_open("worker-1");
    ten = worker_open("worker-10");
    assert_int_equal(send_text("worker-10", "for ten"), 0);
    assert_int_equal(send_text("worker-1", "for one"), 0);
    assert_int_equal(send_text("worker-2", "for nobody"), -ENOENT);
    expect_body(ten, "for ten");
    expect_body(one, "for one");
    plaintext_socket_close(one);
    plaintext_socket_close(ten);
}

/* A worker's end is noticed, and its return. */
static void a_worker_goes_and_comes_back(void **state)
{
    struct plaintext_socket *s = worker_open("worker-1");
    uint64_t until = clock_mono_ns() + DEADLINE_NS;

    (void)state;
    plaintext_socket_close(s);
    while (send_text("worker-1", "gone") != -ENOENT) {
        assert_true(clock_mono_ns() < until);
        wait_for(probe);
        assert_null(plaintext_socket_arrival(probe));
    }
    s = worker_open("worker-1");
    assert_int_equal(send_text("worker-1", "again"), 0);
    expect_body(s, "again");
    plaintext_socket_close(s);
}

/* Its successor may be there before its own end is known. */
static void a_successor_is_an_arrival_too(void **state)
{
    struct plaintext_socket *old = worker_open("worker-1"), *new = worker_open("worker-1");

    (void)state;
    plaintext_socket_close(old);
    assert_int_equal(send_text("worker-1", "hello"), 0);
    expect_body(new, "hello");
    plaintext_socket_close(new);
}

/* Nothing that was taken is lost, and what was not is told. */
static void a_full_queue_says_so(void **state)
{
    static uint8_t body[16384];
    struct plaintext_socket *s = worker_open("worker-1"), *other = worker_open("worker-2");
    uint64_t until = clock_mono_ns() + DEADLINE_NS;
    unsigned sent = 0, received = 0;
    const uint8_t *p;
    size_t n;

    (void)state;
    while (plaintext_socket_send(probe, "worker-1", body, sizeof body) == 0) {
        sent++;
        assert_in_range(sent, 0, 4 * PLAINTEXT_QUEUE_MESSAGES);
    }
    assert_int_equal(plaintext_socket_send(probe, "worker-1", body, 1), -EAGAIN);
    assert_int_equal(send_text("worker-2", "goes on"), 0);
    expect_body(other, "goes on");
    while (received < sent && clock_mono_ns() < until) {
        if (plaintext_socket_receive(s, &p, &n))
            received++;
        else
            wait_for(s);
    }
    assert_int_equal(received, sent);
    plaintext_socket_close(s);
    plaintext_socket_close(other);
}

static void only_the_group_may_connect(void **state)
{
    struct stat st;
    char path[96];

    (void)state;
    snprintf(path, sizeof path, "%s/plain", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0770);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_worker_gets_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_worker_goes_and_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_successor_is_an_arrival_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_group_may_connect, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
