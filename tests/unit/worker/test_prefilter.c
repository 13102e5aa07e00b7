/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists in shared memory, as the manager fills it, and frames: those that are left out begin no
 * flow. */
#include "worker/prefilter.h"

#include "common/base/prefilter_lists.h"
#include "common/base/prefix_table.h"
#include "tests/unit/packet_builder.h"
#include "tests/unit/tunnel_builder.h"
#include "tests/unit/worker/rig.h"
#include "worker/pipeline.h"

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

/* A datagram of a flow of its own behind n bytes that follow the addresses of Ethernet. */
static void behind(const char *link, size_t n)
{
    static unsigned port = 1024;

    pb.n = 0;
    pb_fill(&pb, 0x02, 12);
    memcpy(pb.b + pb.n, link, n);
    pb.n += n;
    pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0);
    pb_udp(&pb, port++, 9999, 4);
    pb_text(&pb, "text");
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
}
#define BEHIND(link) behind(link, sizeof(link) - 1)

static void what_a_program_reads_it_has_judged(void **state)
{
    (void)state;
    rig.heritage.capture.lists_below = true;
    lists("192.0.2.0/24", NULL);
    BEHIND("\x08\0");
    BEHIND("\x81\0\0\7\x08\0");
    BEHIND("\x88\xa8\0\7\x81\0\0\7\x08\0");
    assert_int_equal(rig.counters.prefilter_ignored, 0);
    assert_int_equal(rig.counters.flows_udp, 3);
}

static void what_it_does_not_read_is_judged_here(void **state)
{
    (void)state;
    rig.heritage.capture.lists_below = true;
    lists("192.0.2.0/24", NULL);
    BEHIND("\x88\x47\0\0\x11\x40");                           /* MPLS */
    BEHIND("\x88\x64\x11\0\0\7\0\x22\0\x21");                 /* PPPoE */
    BEHIND("\x91\0\0\7\x08\0");                               /* a tag of old */
    BEHIND("\x81\0\0\7\x81\0\0\7\x81\0\0\7\x08\0");           /* three tags */
    BEHIND("\0\x28\xaa\xaa\3\0\0\0\x08\0");                   /* LLC */
    BEHIND("\x88\xe7\0\0\0\7\2\2\2\2\2\2\2\2\2\2\2\2\x08\0"); /* PBB */
    BEHIND("\x89\x26\0\0\0\7\x08\0");                         /* VN-tag */
    assert_int_equal(rig.counters.prefilter_ignored, 7);
    assert_int_equal(rig.counters.flows_udp, 0);
}

static void so_is_what_has_no_packet_to_the_end(void **state)
{
    (void)state;
    lists("192.0.2.0/24", NULL);
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0x2000); /* a fragment that waits, and is odd */
    pb_fill(&pb, 0, 16);
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, CLIENT, SERVER, 0, 0); /* the header is cut */
    pb_fill(&pb, 0, 4);
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 4, CLIENT, SERVER, 0, 0); /* a tunnel with a fragment in it */
    pb_ipv4(&pb, 17, 0x0a000001, 0x0a000002, 0, 0x2000);
    pb_fill(&pb, 0, 64);
    pb.b[14 + 3] = 104; /* the outer length */
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
    assert_int_equal(rig.counters.prefilter_ignored, 3);
    assert_int_equal(rig.counters.weirds, 0);
    pipeline_finish(&rig.w);
    assert_string_equal(rig_text(&rig), "");
}

static void what_has_no_address_is_in_no_list(void **state)
{
    (void)state;
    lists(NULL, "192.0.2.0/24");
    pb_ethernet(&pb, 0x0806);
    pb_fill(&pb, 0, 46);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
    assert_int_equal(rig.counters.prefilter_not_only, 0);
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
        CASE(what_a_program_reads_it_has_judged),
        CASE(what_it_does_not_read_is_judged_here),
        CASE(so_is_what_has_no_packet_to_the_end),
        CASE(what_has_no_address_is_in_no_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
