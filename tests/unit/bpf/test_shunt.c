/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter of packet sockets: what it keeps out of the ring and counts. A test run gives it the
 * packet from its network header on, hence as an interface without link header. */
#include "bpf/flows.h"
#include "common/base/flow_key.h"
#include "common/base/prefilter_lists.h"
#include "tests/unit/bpf/program.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "shunt.skel.h"
#pragma GCC diagnostic pop

#define CLIENT UINT32_C(0xc0000201)
#define SERVER UINT32_C(0xc0000202)
#define SEQ    5000u
#define FIN    0x01
#define ACK    0x10

static struct shunt_bpf *bpf;
static struct flow_key key;

/* The two kinds of interfaces, with what else a manager says of one or the other. */
static int load_for(bool l3)
{
    bpf = shunt_bpf__open();
    if (!bpf)
        return -1;
    bpf->rodata->shunt_l3 = l3;
    bpf->rodata->prefilter_used = l3;
    bpf->rodata->flows_preempted = !l3;
    bpf_map__set_max_entries(bpf->maps.shunt_flows, 16);
    bpf_map__set_max_entries(bpf->maps.shunt_shunts, 16);
    LOAD_OR_DESTROY(shunt, bpf);
    return 0;
}

static int load(void **state)
{
    struct ipaddr client, server;
    const uint8_t c[4] = {192, 0, 2, 1}, s[4] = {192, 0, 2, 2};

    (void)state;
    ipaddr_set_v4(&client, c);
    ipaddr_set_v4(&server, s);
    flow_key_set(&key, &client, 40000, &server, 443, 6);
    libbpf_set_print(NULL);
    return load_for(true);
}

static int unload(void **state)
{
    (void)state;
    shunt_bpf__destroy(bpf);
    return 0;
}

/* Whether the segment gets into the ring. */
static bool rises(bool down, unsigned flags, uint32_t seq, size_t bytes)
{
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = pb.b);

    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, down ? SERVER : CLIENT, down ? CLIENT : SERVER, 0, 0);
    pb_tcp(&pb, down ? 443 : 40000, down ? 40000 : 443, seq, 1, flags);
    pb_fill(&pb, 'x', bytes);
    pb_end(&pb);
    if (!bpf->rodata->shunt_l3) /* the test run takes the Ethernet header off the length */
        pb_fill(&pb, 0, 14);
    o.data_size_in = (uint32_t)pb.n;
    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.shunt), &o), 0);
    return o.retval != 0;
}

/* What a worker does after each change. */
static void set_number(uint32_t n)
{
    static uint32_t changes;
    struct flows_shunted shunted = {.n = n, .changes = ++changes};
    uint32_t zero = 0;

    assert_int_equal(
        bpf_map_update_elem(bpf_map__fd(bpf->maps.shunt_shunted), &zero, &shunted, BPF_ANY), 0);
}

static void begin(const struct flows_shunt *how)
{
    void *zero = calloc((size_t)libbpf_num_possible_cpus(), sizeof(struct flows_kept));

    assert_int_equal(bpf_map_update_elem(bpf_map__fd(bpf->maps.shunt_flows), &key, zero, BPF_ANY),
                     0);
    assert_int_equal(bpf_map_update_elem(bpf_map__fd(bpf->maps.shunt_shunts), &key, how, BPF_ANY),
                     0);
    set_number(1);
    free(zero);
}

static void end(void)
{
    bpf_map_delete_elem(bpf_map__fd(bpf->maps.shunt_shunts), &key);
    set_number(0);
}

/* What was counted of the server's side. */
static struct flows_end counted(void)
{
    int cpus = libbpf_num_possible_cpus();
    struct flows_kept *v = calloc((size_t)cpus, sizeof *v);
    struct flows_end sum = {0};

    assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bpf->maps.shunt_flows), &key, v), 0);
    for (int i = 0; i < cpus; i++) {
        sum.packets += v[i].counted.end[1].packets;
        sum.ip_bytes += v[i].counted.end[1].ip_bytes;
        sum.payload_bytes += v[i].counted.end[1].payload_bytes;
        sum.resent += v[i].counted.end[1].resent;
        if (v[i].counted.end[1].packets > 0)
            sum.seq_end = v[i].counted.end[1].seq_end;
    }
    free(v);
    return sum;
}

static void test_others_come_up(void **state)
{
    (void)state;
    SKIP_WITHOUT_BPF();
    assert_true(rises(true, ACK, SEQ, 100));
}

static void test_a_shunted_flow_is_counted(void **state)
{
    static const struct flows_shunt whole;
    struct flows_end sum;

    (void)state;
    SKIP_WITHOUT_BPF();
    begin(&whole);
    assert_false(rises(true, ACK, SEQ, 100));
    assert_false(rises(true, ACK, SEQ + 100, 50));
    assert_false(rises(true, ACK, SEQ, 100)); /* sent again */
    assert_false(rises(false, ACK, 1, 0));
    assert_true(rises(true, ACK | FIN, SEQ + 150, 0));
    sum = counted();
    assert_int_equal(sum.packets, 3);
    assert_int_equal(sum.ip_bytes, 3 * 40 + 250);
    assert_int_equal(sum.payload_bytes, 150);
    assert_int_equal(sum.resent, 1);
    assert_int_equal(sum.seq_end, SEQ + 150);
    end();
    assert_true(rises(true, ACK, SEQ + 150, 10));
    assert_int_equal(counted().packets, 3); /* what was counted stays */
}

/* A window of no room is probed with a byte that is sent again with what follows it. */
static void test_bytes_that_were_counted_are_not_new(void **state)
{
    static const struct flows_shunt whole;

    (void)state;
    SKIP_WITHOUT_BPF();
    begin(&whole);
    assert_false(rises(true, ACK, SEQ, 1));
    assert_false(rises(true, ACK, SEQ, 1460));
    assert_int_equal(counted().payload_bytes, 1460);
    assert_int_equal(counted().resent, 0);
    end();
}

/* It had gone to another one, and has come back. */
static void test_gigabytes_may_go_by_another_cpu(void **state)
{
    static const struct flows_shunt whole;
    const uint32_t far = SEQ + 3u * (1u << 30);
    struct flows_end sum;

    (void)state;
    SKIP_WITHOUT_BPF();
    begin(&whole);
    assert_false(rises(true, ACK, SEQ, 100));
    assert_false(rises(true, ACK, far, 100));
    assert_false(rises(true, ACK, far - 500, 100)); /* sent again */
    sum = counted();
    assert_int_equal(sum.payload_bytes, 200);
    assert_int_equal(sum.resent, 1);
    assert_int_equal(sum.seq_end, far + 100);
    end();
}

static void test_what_is_waited_for_comes_up(void **state)
{
    static const struct flows_shunt body = {.rises = 3, .rise_seq = {2, SEQ + 1000}};
    static const struct flows_shunt wrapped = {.rises = 2, .rise_seq = {0, 10}};

    (void)state;
    SKIP_WITHOUT_BPF();
    begin(&body);
    assert_false(rises(true, ACK, SEQ, 999));
    assert_true(rises(true, ACK, SEQ + 900, 100));
    assert_true(rises(true, ACK, SEQ + 1000, 5));
    assert_false(rises(false, ACK, 1, 0)); /* its acknowledgements are not */
    assert_true(rises(false, ACK, 1, 1));
    begin(&wrapped);
    assert_false(rises(true, ACK, UINT32_MAX - 5, 10));
    assert_true(rises(true, ACK, UINT32_MAX - 5, 16));
    end();
}

/* The number of shunted flows is what is asked first. */
static void test_none_is_looked_for_among_none(void **state)
{
    static const struct flows_shunt whole;

    (void)state;
    SKIP_WITHOUT_BPF();
    begin(&whole);
    set_number(0);
    assert_true(rises(true, ACK, SEQ, 100));
    set_number(1);
    assert_false(rises(true, ACK, SEQ, 100));
    end();
}

/* What the program has read of a flow it keeps until it is told of a change. */
static void test_changes_are_noticed(void **state)
{
    static const struct flows_shunt whole, body = {.rises = 2, .rise_seq = {0, SEQ}};
    int shunts;

    (void)state;
    SKIP_WITHOUT_BPF();
    shunts = bpf_map__fd(bpf->maps.shunt_shunts);
    begin(&whole);
    assert_false(rises(true, ACK, SEQ, 100));
    assert_int_equal(bpf_map_update_elem(shunts, &key, &body, BPF_ANY), 0);
    set_number(1);
    assert_true(rises(true, ACK, SEQ, 100));
    assert_int_equal(bpf_map_delete_elem(shunts, &key), 0);
    set_number(1); /* others are */
    assert_true(rises(true, ACK, SEQ - 200, 100));
    assert_int_equal(bpf_map_update_elem(shunts, &key, &whole, BPF_ANY), 0);
    set_number(2);
    assert_false(rises(true, ACK, SEQ, 100));
    end();
}

/* Of Ethernet the usual frames are read in another way. */
static void test_usual_frames(void **state)
{
    static const struct flows_shunt whole;
    struct shunt_bpf *other = bpf;
    struct flows_end sum;

    (void)state;
    SKIP_WITHOUT_BPF();
    assert_int_equal(load_for(false), 0);
    assert_non_null(bpf);
    assert_true(rises(true, ACK, SEQ, 100));
    begin(&whole);
    assert_false(rises(true, ACK, SEQ, 100));
    assert_false(rises(true, ACK, SEQ + 100, 50));
    assert_false(rises(true, ACK, SEQ, 100));
    assert_false(rises(false, ACK, 1, 0));
    assert_true(rises(true, ACK | FIN, SEQ + 150, 0));
    sum = counted();
    assert_int_equal(sum.packets, 3);
    assert_int_equal(sum.ip_bytes, 3 * 40 + 250);
    assert_int_equal(sum.payload_bytes, 150);
    assert_int_equal(sum.seq_end, SEQ + 150);
    shunt_bpf__destroy(bpf);
    bpf = other;
}

static void test_lists_leave_packets_out(void **state)
{
    uint32_t zero = 0, which = 0, lists = PREFILTER_IGNORE, none = 0;
    struct prefilter_key prefix = {.bits = 96 + 24};
    LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);
    int trie, state_fd;

    (void)state;
    SKIP_WITHOUT_BPF();
    trie = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "test", sizeof prefix, sizeof lists, 16, &o);
    state_fd = bpf_map__fd(bpf->maps.prefilter_state);
    assert_true(trie >= 0);
    memcpy(prefix.addr, key.addr[0].b, sizeof prefix.addr);
    assert_int_equal(bpf_map_update_elem(trie, &prefix, &lists, BPF_ANY), 0);
    assert_int_equal(
        bpf_map_update_elem(bpf_map__fd(bpf->maps.prefilter_tries), &which, &trie, BPF_ANY), 0);
    assert_int_equal(bpf_map_update_elem(state_fd, &zero, &lists, BPF_ANY), 0);
    assert_false(rises(true, ACK, SEQ, 0));
    assert_int_equal(bpf_map_update_elem(state_fd, &zero, &none, BPF_ANY), 0);
    assert_true(rises(true, ACK, SEQ, 0));
    lists = PREFILTER_ONLY;
    assert_int_equal(bpf_map_update_elem(state_fd, &zero, &lists, BPF_ANY), 0);
    assert_false(rises(true, ACK, SEQ, 0)); /* the trie has no such list */
    assert_int_equal(bpf_map_update_elem(trie, &prefix, &lists, BPF_ANY), 0);
    assert_true(rises(true, ACK, SEQ, 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_come_up),
        cmocka_unit_test(test_a_shunted_flow_is_counted),
        cmocka_unit_test(test_bytes_that_were_counted_are_not_new),
        cmocka_unit_test(test_gigabytes_may_go_by_another_cpu),
        cmocka_unit_test(test_what_is_waited_for_comes_up),
        cmocka_unit_test(test_none_is_looked_for_among_none),
        cmocka_unit_test(test_changes_are_noticed),
        cmocka_unit_test(test_usual_frames),
        cmocka_unit_test(test_lists_leave_packets_out),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
