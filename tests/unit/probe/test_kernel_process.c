/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose sockets and calls it tells of: owners, filters, and an end of it. */
#include "tests/unit/probe/kernel_bench.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t owner(const struct pair *p, unsigned from, uint8_t proto, unsigned *port)
{
    struct ipaddr a[2];
    struct flow_key key;
    pid_t pid = 0;

    for (int i = 0; i < 2; i++)
        memcpy(a[i].b, &p->address[i].sin6_addr, 16);
    flow_key_set(&key, &a[from], ntohs(p->address[from].sin6_port), &a[!from],
                 ntohs(p->address[!from].sin6_port), proto);
    *port = 0;
    for (unsigned end = 0; end < 2 && pid == 0; end++) {
        pid = kernel_owner(bench.kernel, &key, end);
        *port = pid != 0 ? key.port[end] : 0;
    }
    return pid;
}

static void sockets_that_were_there_have_owners(void **state)
{
    struct pair nobody = bench.pairs[0];
    unsigned port;

    (void)state;
    bench_need_kernel();
    nobody.address[1].sin6_port = 1;
    assert_int_equal(owner(&bench.pairs[0], 0, IPPROTO_TCP, &port), getpid());
    assert_int_equal(owner(&nobody, 0, IPPROTO_TCP, &port), 0);
    assert_int_equal(owner(&bench.pairs[0], 0, IPPROTO_UDP, &port), 0);
}

static void send_both_ways(void)
{
    send(bench.pairs[0].fd[0], "x", 1, 0);
    send(bench.pairs[0].fd[1], "y", 1, 0);
}

static void last_user_of_a_socket_owns_it(void **state)
{
    unsigned port;

    (void)state;
    bench_run(send_both_ways);
    assert_int_equal(owner(&bench.pairs[0], 0, IPPROTO_TCP, &port), bench.child);
    assert_int_equal(owner(&bench.pairs[0], 1, IPPROTO_TCP, &port), bench.child);
}

static void answer_udp(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6,
                               .sin6_port = bench.pairs[0].address[0].sin6_port};
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    bind(fd, (struct sockaddr *)&any, sizeof any);
    sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to);
}

static void udp_server_owns_all_it_talks_with(void **state)
{
    unsigned port;

    (void)state;
    bench_run(answer_udp);
    assert_int_equal(owner(&bench.pairs[0], 0, IPPROTO_UDP, &port), bench.child);
    assert_int_equal(port, ntohs(bench.pairs[0].address[0].sin6_port));
}

static void named_scene(void)
{
    prctl(PR_SET_NAME, "spliff-scene");
    bench_talk();
}

/* How many events there are of a child under other filters. */
static unsigned events_with(struct probe_config config)
{
    bench_need_kernel();
    kernel_close(bench.kernel);
    bench.kernel = NULL;
    bench_open(config);
    bench_run(named_scene);
    return bench.n_got;
}

static struct probe_config address_filter(const char *text, unsigned bits)
{
    struct probe_config config = {.n_addresses = 2};

    inet_pton(AF_INET6, "2001:db8::", config.addresses[0].prefix);
    config.addresses[0].bits = 32;
    inet_pton(AF_INET6, text, config.addresses[1].prefix);
    config.addresses[1].bits = bits;
    return config;
}

static void filters_hold_in_the_kernel(void **state)
{
    struct probe_config mine = {.n_ppids = 2, .ppids = {1, (unsigned)getpid()}};
    struct probe_config others = {.n_ppids = 1, .ppids = {(unsigned)getppid()}};

    (void)state;
    assert_int_equal(events_with(mine), 5);
    assert_int_equal(events_with(others), 0);
    assert_true(bench.counters.probe_filtered > 0);
    assert_int_equal(events_with((struct probe_config){.n_pids = 1, .pids = {1}}), 0);
    assert_int_equal(
        events_with((struct probe_config){.n_comms = 2, .comms = {"nginx", "spliff-scene"}}), 5);
    assert_int_equal(events_with((struct probe_config){.n_comms = 1, .comms = {"spliff"}}), 0);
    assert_int_equal(events_with((struct probe_config){.cgroup = 1}), 5); /* the root */
    assert_int_equal(events_with((struct probe_config){.cgroup = UINT64_MAX}), 0);
    assert_int_equal(events_with(address_filter("::1", 128)), 5);
    assert_int_equal(events_with(address_filter("::", 127)), 5);
    assert_int_equal(events_with(address_filter("::2", 127)), 0);
    mine.n_comms = 1;
    strcpy(mine.comms[0], "nginx");
    assert_int_equal(events_with(mine), 0);
}

static void detached_functions_are_silent(void **state)
{
    (void)state;
    bench_need_kernel();
    kernel_detach(bench.kernel, 0);
    kernel_close(bench.kernel); /* waits for that */
    bench.kernel = NULL;
    bench_open((struct probe_config){0});
    bench_run(bench_talk);
    assert_int_equal(bench.n_got, 5); /* once, not twice */
}

/* Those that find sockets or are attached by other means on an old kernel. */
#define TESTS_OF_BOTH                                                                              \
    cmocka_unit_test(sockets_that_were_there_have_owners),                                         \
        cmocka_unit_test(last_user_of_a_socket_owns_it),                                           \
        cmocka_unit_test(udp_server_owns_all_it_talks_with)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS_OF_BOTH,
        cmocka_unit_test(filters_hold_in_the_kernel),
        cmocka_unit_test(detached_functions_are_silent),
    };
    const struct CMUnitTest old[] = {TESTS_OF_BOTH};
    int failed = cmocka_run_group_tests_name("processes", tests, bench_prepare, bench_clean_up);

    return failed + cmocka_run_group_tests_name("processes, old kernel", old, bench_prepare_old,
                                                bench_clean_up);
}
