/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of arming, with DPDK's functions told here what to answer. */
#include "worker/capture/dpdk_interrupt.h"

#include <errno.h>
#include <rte_config.h>
#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char calls[64]; /* a letter each, in their order */
static int add_answer, event_fd;
static const char *driver;
static struct dpdk_interrupt i;

int rte_eth_dev_logtype = 7;

static void note(char call)
{
    size_t n = strlen(calls);

    assert_true(n + 1 < sizeof calls);
    calls[n] = call;
}

int rte_log_get_level(uint32_t type)
{
    assert_int_equal(type, 7);
    return RTE_LOG_ERR;
}

int rte_log_set_level(uint32_t type, uint32_t level)
{
    assert_int_equal(type, 7);
    note(level == RTE_LOG_ERR ? 'L' : 'l');
    return 0;
}

int rte_eth_dev_rx_intr_ctl_q(uint16_t port, uint16_t queue, int epfd, int op, void *data)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};

    assert_int_equal(port, 3);
    assert_int_equal(queue, 1);
    assert_int_equal(op, RTE_INTR_EVENT_ADD);
    assert_null(data);
    note('a');
    if (add_answer == 0)
        assert_int_equal(epoll_ctl(epfd, EPOLL_CTL_ADD, event_fd, &e), 0);
    return add_answer;
}

int rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info)
{
    assert_int_equal(port, 3);
    *info = (struct rte_eth_dev_info){.driver_name = driver};
    return 0;
}

int rte_epoll_wait(int epfd, struct rte_epoll_event *events, int max, int timeout)
{
    struct epoll_event e;
    uint64_t n;

    assert_non_null(events);
    assert_int_equal(max, 1);
    assert_int_equal(timeout, 0);
    note('w');
    if (epoll_wait(epfd, &e, 1, 0) != 1)
        return 0;
    assert_int_equal(read(event_fd, &n, sizeof n), sizeof n);
    return 1;
}

int rte_eth_dev_rx_intr_enable(uint16_t port, uint16_t queue)
{
    assert_int_equal(port + queue, 4);
    note('e');
    return -ENOTSUP;
}

int rte_eth_dev_rx_intr_disable(uint16_t port, uint16_t queue)
{
    assert_int_equal(port + queue, 4);
    note('d');
    return -ENOTSUP;
}

static int begin(void **state)
{
    (void)state;
    memset(calls, 0, sizeof calls);
    add_answer = 0;
    driver = "net_null";
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return event_fd < 0;
}

static int end(void **state)
{
    (void)state;
    dpdk_interrupt_close(&i);
    return close(event_fd);
}

static void expect_calls(const char *expected)
{
    assert_string_equal(calls, expected);
    memset(calls, 0, sizeof calls);
}

static void frames_come(void)
{
    uint64_t one = 1;

    assert_int_equal(write(event_fd, &one, sizeof one), sizeof one);
}

static void a_driver_without_them(void **state)
{
    (void)state;
    add_answer = -ENOTSUP;
    assert_int_equal(dpdk_interrupt_open(&i, 3, 1), -ENOTSUP);
    assert_int_equal(i.fd, -1);
    expect_calls("laL"); /* and says as much as before of other things */
}

static void armed_once_until_something_comes(void **state)
{
    (void)state;
    assert_int_equal(dpdk_interrupt_open(&i, 3, 1), 0);
    assert_true(i.fd >= 0);
    expect_calls("laL");
    assert_true(dpdk_interrupt_arm(&i));
    expect_calls("we");
    assert_false(dpdk_interrupt_arm(&i)); /* slept, and nothing came */
    expect_calls("w");
    frames_come();
    assert_true(dpdk_interrupt_arm(&i)); /* the queue was empty all the same */
    expect_calls("we");
    assert_false(dpdk_interrupt_arm(&i)); /* the event is taken out: fd is not ready for ever */
    expect_calls("w");
    dpdk_interrupt_disarm(&i);
    expect_calls("d");
    dpdk_interrupt_disarm(&i);
    expect_calls("");
    assert_true(dpdk_interrupt_arm(&i));
    expect_calls("we");
}

/* The socket is there before: which of its kind are the driver's is not to be seen. */
static void a_driver_that_reads_a_socket(void **state)
{
    int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* of no protocol: receives nothing */

    (void)state;
    if (s < 0)
        skip();
    add_answer = -ENOTSUP;
    driver = "net_af_packet";
    assert_int_equal(dpdk_interrupt_open(&i, 3, 1), 0);
    expect_calls("laL");
    for (int times = 0; times < 2; times++) {
        assert_false(dpdk_interrupt_arm(&i));
        dpdk_interrupt_disarm(&i);
    }
    expect_calls("");
    dpdk_interrupt_close(&i);
    close(s);
    assert_int_equal(dpdk_interrupt_open(&i, 3, 1), -ENOTSUP); /* it has none */
    assert_int_equal(i.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_driver_that_reads_a_socket, begin, end),
        cmocka_unit_test_setup_teardown(a_driver_without_them, begin, end),
        cmocka_unit_test_setup_teardown(armed_once_until_something_comes, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
