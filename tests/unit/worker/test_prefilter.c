/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists in shared memory, as the manager fills it, and frames: those that are left out begin no
 * flow. */
#include "worker/prefilter.h"

#include "common/base/prefilter_lists.h"
#include "common/base/prefix_table.h"
#include "tests/unit/packet_builder.h"
#include "tests/unit/tunnel_builder.h"
#include "tests/unit/worker/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define T0       (1700000000 * NS_PER_SEC)
#define CLIENT   UINT32_C(0xc0000201)
#define SERVER   UINT32_C(0xc6336402)
#define CAPACITY 16u

const struct analyzer *const analyzers[] = {NULL};

static struct rig rig;
static struct packet_builder pb;
static struct prefix_share *share;

static int set_up(void **state)
{
    void *mine = NULL;
    int fd = heritage_shm_shown("test", prefix_share_bytes(CAPACITY), &mine);

    (void)state;
    assert_true(fd >= 0);
    share = mine;
    share->capacity = CAPACITY;
    rig_init(&rig);
    rig.heritage.capture.lists_fd = fd;
    rig_open(&rig);
    assert_int_equal(prefilter_open(&rig.w), 0);
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    prefilter_close(&rig.w);
    munmap(share, prefix_share_bytes(CAPACITY));
    return rig_tear_down(state);
}

/* Fills the table that is not in use and takes it. */
static void lists(const char *ignore, const char *only)
{
    struct prefix_table *t = prefix_share_table(share, !share->active);
    unsigned line;

    prefix_table_init(t, CAPACITY);
    if (ignore)
        assert_int_equal(prefix_table_read(t, ignore, strlen(ignore), PREFILTER_IGNORE, &line), 0);
    if (only)
        assert_int_equal(prefix_table_read(t, only, strlen(only), PREFILTER_ONLY, &line), 0);
    prefix_table_finish(t);
    share->active = !share->active;
}

/* A datagram of a flow of its own. */
static void datagram(uint32_t src, uint32_t dst)
{
    static unsigned port = 1024;

    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, src, dst, 0, 0);
    pb_udp(&pb, port++, 9999, 4);
    pb_text(&pb, "text");
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
}

static void packets_from_and_to_are_ignored(void **state)
{
    (void)state;
    lists("192.0.2.0/24", NULL);
    datagram(CLIENT, SERVER);
    datagram(SERVER, CLIENT);
    assert_int_equal(rig.counters.flows_udp, 0);
    assert_int_equal(rig.counters.prefilter_ignored, 2);
    datagram(SERVER, SERVER + 1);
    assert_int_equal(rig.counters.flows_udp, 1);
}

static void only_those_named_are_seen(void **state)
{
    (void)state;
    lists("192.0.2.1", "192.0.2.0/24");
    datagram(SERVER, SERVER + 1);
    assert_int_equal(rig.counters.prefilter_not_only, 1);
    datagram(CLIENT, SERVER);
    assert_int_equal(rig.counters.prefilter_ignored, 1); /* also if they are named */
    assert_int_equal(rig.counters.flows_udp, 0);
    datagram(CLIENT + 1, SERVER);
    assert_int_equal(rig.counters.flows_udp, 1);
}

static void an_empty_list_of_those_to_be_seen_names_nobody(void **state)
{
    (void)state;
    lists(NULL, "");
    datagram(CLIENT, SERVER);
    assert_int_equal(rig.counters.flows_udp, 0);
}

static void new_lists_count_from_the_next_packet_on(void **state)
{
    (void)state;
    lists("192.0.2.0/24", NULL);
    datagram(CLIENT, SERVER);
    lists(NULL, NULL);
    datagram(CLIENT, SERVER);
    assert_int_equal(rig.counters.flows_udp, 1);
}

static void the_outermost_header_decides(void **state)
{
    (void)state;
    lists("10.0.0.0/8", NULL);
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 4, CLIENT, SERVER, 0, 0);
    pb_ipv4(&pb, 17, 0x0a000001, 0x0a000002, 0, 0);
    pb_udp(&pb, 1, 2, 0);
    pb.b[14 + 3] = 48; /* the outer length; pb_end sets the inner one */
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
    assert_int_equal(rig.counters.prefilter_ignored, 0);
    assert_int_equal(rig.counters.flows_udp, 1);
    lists("192.0.2.0/24", NULL);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
    assert_int_equal(rig.counters.prefilter_ignored, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(packets_from_and_to_are_ignored),
        CASE(only_those_named_are_seen),
        CASE(an_empty_list_of_those_to_be_seen_names_nobody),
        CASE(new_lists_count_from_the_next_packet_on),
        CASE(the_outermost_header_decides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
