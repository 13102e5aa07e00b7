/* SPDX-License-Identifier: BSD-3-Clause */
/* What the probe's programs tell mode xdp of flows: whose the ends of a TLS session's flow are, as
 * long as the session lasts (bpf/processes.h). */
#include "tests/unit/probe/kernel_bench.h"

#include "bpf/processes.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int map_fd = -1;

static int prepare(void **state)
{
    map_fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "flow_processes", sizeof(struct flows_key),
                            sizeof(struct processes), 1024, NULL);
    bench.processes_fd = map_fd;
    return bench_prepare(state);
}

static int clean_up(void **state)
{
    int r = bench_clean_up(state);

    if (map_fd >= 0)
        close(map_fd);
    return r;
}

/* The key of a pair's connection, and which end of it this one of the pair is. */
static unsigned key_of(const struct pair *p, unsigned which, struct flow_key *key)
{
    struct ipaddr a[2];

    for (int i = 0; i < 2; i++)
        memcpy(a[i].b, &p->address[i].sin6_addr, 16);
    memset(key, 0, sizeof *key);
    return flow_key_set(key, &a[which], ntohs(p->address[which].sin6_port), &a[!which],
                        ntohs(p->address[!which].sin6_port), IPPROTO_TCP);
}

/* Who the map says has this one of the first pair; all zero: nobody. */
static struct processes_end owner(unsigned which)
{
    struct processes found;
    struct flow_key key;
    unsigned end = key_of(&bench.pairs[0], which, &key);

    if (bpf_map_lookup_elem(map_fd, &key, &found) < 0)
        return (struct processes_end){0};
    return found.end[end];
}

static void forget(void)
{
    struct flow_key key;

    key_of(&bench.pairs[0], 0, &key);
    bpf_map_delete_elem(map_fd, &key);
}

static void named_talk(void)
{
    prctl(PR_SET_NAME, "spliff-talk");
    bench_talk();
}

static void both_ends_of_a_session_are_told(void **state)
{
    (void)state;
    forget();
    bench_run(named_talk);
    for (unsigned which = 0; which < 2; which++) {
        assert_int_equal(owner(which).pid, bench.child);
        assert_string_equal(owner(which).name, "spliff-talk");
    }
}

static void talk_and_free(void)
{
    struct fake_ssl client = {.fd = bench.pairs[0].fd[0]}, server = {.fd = bench.pairs[0].fd[1]};
    char buffer[100];

    fake_write(&client, BENCH_BYTES, 18);
    fake_read(&server, buffer, sizeof buffer);
    fake_free(&server);
}

static void an_end_is_taken_out_with_its_session(void **state)
{
    (void)state;
    forget();
    bench_run(talk_and_free);
    assert_int_equal(owner(0).pid, bench.child);
    assert_int_equal(owner(1).pid, 0);
}

static void free_both(void)
{
    struct fake_ssl client = {.fd = bench.pairs[0].fd[0]};

    fake_write(&client, BENCH_BYTES, 18);
    fake_free(&client);
}

static void nothing_is_left_of_a_flow_without_sessions(void **state)
{
    struct processes found;
    struct flow_key key;

    (void)state;
    forget();
    bench_run(free_both);
    key_of(&bench.pairs[0], 0, &key);
    assert_true(bpf_map_lookup_elem(map_fd, &key, &found) < 0);
}

static void go_on_in_a_child(void)
{
    struct fake_ssl client = {.fd = bench.pairs[0].fd[0]};
    pid_t heir;

    fake_write(&client, BENCH_BYTES, 18);
    heir = fork();
    if (heir == 0) {
        prctl(PR_SET_NAME, "spliff-heir");
        fake_write(&client, BENCH_BYTES, 18);
        _exit(0);
    }
    waitpid(heir, NULL, 0);
    fake_free(&client);
}

static void who_goes_on_with_a_socket_keeps_it(void **state)
{
    (void)state;
    forget();
    bench_run(go_on_in_a_child);
    assert_string_equal(owner(0).name, "spliff-heir");
    assert_int_not_equal(owner(0).pid, 0);
    assert_int_not_equal(owner(0).pid, bench.child);
}

static void be_forgotten(void)
{
    struct fake_ssl client = {.fd = bench.pairs[0].fd[0]};

    fake_write(&client, BENCH_BYTES, 18);
    forget();
    fake_free(&client);
}

static void what_the_map_has_forgotten_is_counted(void **state)
{
    uint64_t before;

    (void)state;
    forget();
    bench_run(free_both);
    before = bench.counters.probe_processes_lost;
    bench_run(be_forgotten);
    assert_int_equal(bench.counters.probe_processes_lost, before + 1);
}

/* A guess may be wrong, and a wrong process is worse than none. */
static void learn_only(void)
{
    struct fake_ssl a = {.fd = -1};
    char buffer[100];

    send(bench.pairs[0].fd[0], "x", 1, 0);
    recv(bench.pairs[0].fd[1], buffer, sizeof buffer, 0);
    fake_read(&a, buffer, 0);
    fake_free(&a);
}

static void what_is_guessed_is_not_told(void **state)
{
    uint64_t before;

    (void)state;
    forget();
    before = bench.counters.probe_processes_lost;
    bench_run(learn_only);
    assert_int_equal(owner(0).pid, 0);
    assert_int_equal(owner(1).pid, 0);
    assert_int_equal(bench.counters.probe_processes_lost, before);
}

static void the_latest_process_has_it(void **state)
{
    pid_t first;

    (void)state;
    forget();
    bench_run(bench_talk);
    first = bench.child;
    bench_run(bench_talk);
    assert_int_not_equal(first, bench.child);
    assert_int_equal(owner(0).pid, bench.child);
}

static void an_end_in_two_namespaces_is_nobodys(void **state)
{
    struct processes others = {0};
    struct flow_key key;
    unsigned end = key_of(&bench.pairs[0], 0, &key);

    (void)state;
    bench_need_kernel();
    others.end[end] = (struct processes_end){.pid = 1, .netns = 1, .cookie = 1};
    assert_int_equal(bpf_map_update_elem(map_fd, &key, &others, BPF_ANY), 0);
    bench_run(bench_talk);
    assert_int_equal(owner(0).pid, 0);
    assert_int_equal(owner(0).netns, PROCESSES_AMBIGUOUS);
    assert_int_equal(owner(1).pid, bench.child);
    bench_run(bench_talk);
    assert_int_equal(owner(0).pid, 0);
    bench_run(talk_and_free); /* neither is it forgotten that it is */
    assert_int_equal(owner(0).netns, PROCESSES_AMBIGUOUS);
}

static void what_filters_leave_out_is_not_told(void **state)
{
    struct probe_config config = {.n_addresses = 1, .addresses[0].bits = 128};

    (void)state;
    bench_need_kernel();
    forget();
    kernel_close(bench.kernel);
    bench.kernel = NULL;
    inet_pton(AF_INET6, "2001:db8::1", config.addresses[0].prefix);
    bench_open(config);
    bench_run(bench_talk);
    assert_int_equal(bench.n_got, 0);
    assert_int_equal(owner(0).pid, 0);
    assert_int_equal(owner(1).pid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_of_a_session_are_told),
        cmocka_unit_test(an_end_is_taken_out_with_its_session),
        cmocka_unit_test(nothing_is_left_of_a_flow_without_sessions),
        cmocka_unit_test(who_goes_on_with_a_socket_keeps_it),
        cmocka_unit_test(what_the_map_has_forgotten_is_counted),
        cmocka_unit_test(what_is_guessed_is_not_told),
        cmocka_unit_test(the_latest_process_has_it),
        cmocka_unit_test(an_end_in_two_namespaces_is_nobodys),
        cmocka_unit_test(what_filters_leave_out_is_not_told),
    };

    return cmocka_run_group_tests(tests, prepare, clean_up);
}
