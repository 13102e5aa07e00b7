/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/decode/link.h"

#include "common/base/flow_hash.h"
#include "common/base/linktype.h"
#include "tests/unit/packet_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct packet_builder pb;
static uint16_t ethertype, vlan;

/* Reads the first n bytes of the frame in pb, in memory of exactly that size. Returns how many are
 * left behind the link header in *left. */
static enum link_result read_cut(uint16_t linktype, size_t n, size_t *left)
{
    uint8_t *copy = malloc(n ? n : 1);
    struct cursor c;
    enum link_result r;

    memcpy(copy, pb.b, n);
    c = cursor_init(copy, n);
    ethertype = 0xdead;
    vlan = 0;
    r = link_decode(&c, linktype, &ethertype, &vlan);
    *left = cursor_left(&c);
    free(copy);
    return r;
}

/* The frame ends where its IP packet begins: that is found, and no shorter frame is read. */
static void assert_ip(uint16_t linktype, uint16_t type)
{
    size_t left;

    pb_u8(&pb, type == ETHERTYPE_IPV4 ? 0x45 : 0x60); /* what MPLS and raw IP look at */
    assert_int_equal(read_cut(linktype, pb.n, &left), LINK_OK);
    assert_int_equal(ethertype, type);
    assert_int_equal(left, 1);
    for (size_t n = 0; n + 1 < pb.n; n++)
        if (read_cut(linktype, n, &left) == LINK_OK)
            assert_int_not_equal(ethertype, type);
}

static enum link_result result_of(uint16_t linktype)
{
    size_t left;

    return read_cut(linktype, pb.n, &left);
}

static void begin(void)
{
    pb.n = 0;
}

static void test_ppp(void **state)
{
    (void)state;
    begin();
    pb_u32(&pb, 0xff030021);
    assert_ip(LINKTYPE_PPP, ETHERTYPE_IPV4);
    begin();
    pb_u8(&pb, 0x57); /* everything compressed */
    assert_ip(LINKTYPE_PPP, ETHERTYPE_IPV6);
    begin();
    pb_u32(&pb, 0xff030281);
    pb_u32(&pb, 0x00011140);
    assert_ip(LINKTYPE_PPP, ETHERTYPE_IPV4);
    begin();
    pb_u32(&pb, 0xff03c021); /* link control */
    assert_int_equal(result_of(LINKTYPE_PPP), LINK_OK);
    assert_int_equal(ethertype, 0);
}

static void test_hdlc(void **state)
{
    (void)state;
    begin();
    pb_u32(&pb, 0xff030057);
    assert_ip(LINKTYPE_PPP_HDLC, ETHERTYPE_IPV6);
    begin();
    pb_u32(&pb, 0x0f000800);
    assert_ip(LINKTYPE_C_HDLC, ETHERTYPE_IPV4);
    begin();
    pb_u32(&pb, 0x8f008100);
    pb_u32(&pb, 0x000586dd);
    assert_ip(LINKTYPE_C_HDLC, ETHERTYPE_IPV6);
}

static void test_pppoe(void **state)
{
    (void)state;
    begin();
    pb_u32(&pb, 0x11000001);
    pb_u16(&pb, 40);
    pb_u16(&pb, 0x0021);
    assert_ip(LINKTYPE_PPP_ETHER, ETHERTYPE_IPV4);
    begin();
    pb_u32(&pb, 0x11090001); /* discovery: no data */
    pb_u32(&pb, 0x00040021);
    assert_int_equal(result_of(LINKTYPE_PPP_ETHER), LINK_OK);
    assert_int_equal(ethertype, 0);
}

static void test_nflog(void **state)
{
    (void)state;
    for (unsigned big = 0; big < 2; big++) {
        begin();
        pb_u32(&pb, 0x0a000000);                    /* the family of IPv6 on Linux */
        pb_u32(&pb, big ? 0x00050005 : 0x05000500); /* one byte, padded */
        pb_u32(&pb, 0x77000000);
        pb_u32(&pb, big ? 0x00050009 : 0x05000900);
        assert_ip(LINKTYPE_NFLOG, ETHERTYPE_IPV6);
    }
    begin();
    pb_u32(&pb, 0x02000000);
    pb_u32(&pb, 0x00000500); /* an item shorter than its head */
    pb_fill(&pb, 0, 40);
    assert_int_equal(result_of(LINKTYPE_NFLOG), LINK_OK);
    assert_int_equal(ethertype, 0);
}

static void pktap(uint8_t linktype)
{
    begin();
    pb_u32(&pb, 20u << 24);
    pb_u32(&pb, 1u << 24);
    pb_u32(&pb, (uint32_t)linktype << 24);
    pb_fill(&pb, 0, 8);
}

static void test_pktap(void **state)
{
    (void)state;
    pktap(LINKTYPE_RAW);
    assert_ip(LINKTYPE_PKTAP, ETHERTYPE_IPV4);
    pktap(LINKTYPE_ETHERNET);
    pb_fill(&pb, 1, 12);
    pb_u16(&pb, 0x86dd);
    assert_ip(LINKTYPE_PKTAP, ETHERTYPE_IPV6);
    pktap(250);
    assert_int_equal(result_of(LINKTYPE_PKTAP), LINK_UNKNOWN);
    pktap(0);
    pb.b[8] = 2; /* 258: itself */
    pb.b[9] = 1;
    assert_int_equal(result_of(LINKTYPE_PKTAP), LINK_UNKNOWN);
}

/* control: frame control as on the wire, type and subtype first. */
static void wifi(unsigned control, size_t more)
{
    pb_u16(&pb, control);
    pb_fill(&pb, 0, 22 + more);
}

static void snap(unsigned type)
{
    pb_u32(&pb, 0xaaaa0300);
    pb_u16(&pb, 0);
    pb_u16(&pb, type);
}

static void test_wifi(void **state)
{
    static const struct {
        unsigned control;
        size_t more; /* header bytes beyond the first 24 */
    } data[] = {
        {0x0801, 0}, {0x0802, 0}, {0x0803, 6}, {0x8801, 2}, {0x8803, 8}, {0x8881, 6},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof data / sizeof data[0]; i++) {
        begin();
        wifi(data[i].control, data[i].more);
        snap(i & 1 ? 0x86dd : 0x0800);
        assert_ip(LINKTYPE_IEEE802_11, i & 1 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    }
    begin();
    wifi(0x8801, 0); /* an aggregate: the first packet of it */
    pb_u16(&pb, 0x8000);
    pb_fill(&pb, 0, 14);
    snap(0x0800);
    assert_ip(LINKTYPE_IEEE802_11, ETHERTYPE_IPV4);
    begin();
    wifi(0x8000, 30); /* a beacon */
    assert_int_equal(result_of(LINKTYPE_IEEE802_11), LINK_OK);
    assert_int_equal(ethertype, 0);
    begin();
    wifi(0x4801, 0); /* data without a body */
    assert_int_equal(result_of(LINKTYPE_IEEE802_11), LINK_OK);
    assert_int_equal(ethertype, 0);
    begin();
    wifi(0x0841, 30);
    assert_int_equal(result_of(LINKTYPE_IEEE802_11), LINK_PROTECTED);
}

static void test_wifi_of_drivers(void **state)
{
    (void)state;
    begin();
    pb_u32(&pb, 0x00000800); /* radiotap without fields */
    pb_u32(&pb, 0);
    wifi(0x0801, 0);
    snap(0x0800);
    assert_ip(LINKTYPE_IEEE802_11_RADIOTAP, ETHERTYPE_IPV4);
    begin();
    pb_u32(&pb, 0x00001d00); /* two presence words, a time stamp, flags: padded */
    pb_u32(&pb, 0x03000080);
    pb_u32(&pb, 0);
    pb_fill(&pb, 0, 4 + 8);
    pb_u8(&pb, 0x20);
    pb_fill(&pb, 0, 4);
    wifi(0x8801, 2 + 2);
    snap(0x86dd);
    assert_ip(LINKTYPE_IEEE802_11_RADIOTAP, ETHERTYPE_IPV6);
    begin();
    pb_fill(&pb, 0, 144);
    wifi(0x0801, 0);
    snap(0x0800);
    assert_ip(LINKTYPE_IEEE802_11_PRISM, ETHERTYPE_IPV4);
    begin();
    pb_u32(&pb, 0x80211001);
    pb_u32(&pb, 64);
    pb_fill(&pb, 0, 56);
    wifi(0x0801, 0);
    snap(0x0800);
    assert_ip(LINKTYPE_IEEE802_11_AVS, ETHERTYPE_IPV4);
}

/* Tags and labels are followed to their bounds, and no further. */
static void test_bounds(void **state)
{
    (void)state;
    for (unsigned tags = FLOW_LINK_LAYERS - 1; tags <= FLOW_LINK_LAYERS; tags++) {
        begin();
        pb_fill(&pb, 1, 12);
        for (unsigned i = 0; i < tags; i++)
            pb_u32(&pb, 0x81000000 + i);
        pb_u16(&pb, 0x0800);
        assert_int_equal(result_of(LINKTYPE_ETHERNET), LINK_OK);
        assert_int_equal(ethertype, tags < FLOW_LINK_LAYERS ? ETHERTYPE_IPV4 : ETHERTYPE_VLAN);
    }
    for (unsigned labels = FLOW_MPLS_LABELS; labels <= FLOW_MPLS_LABELS + 1; labels++) {
        begin();
        for (unsigned i = 1; i <= labels; i++)
            pb_u32(&pb, i == labels ? 0x100 : 0);
        pb_u8(&pb, 0x45);
        assert_int_equal(result_of(LINKTYPE_MPLS), LINK_OK);
        assert_int_equal(ethertype, labels <= FLOW_MPLS_LABELS ? ETHERTYPE_IPV4 : 0);
    }
}

static void test_unknown(void **state)
{
    (void)state;
    begin();
    pb_fill(&pb, 0, 60);
    assert_int_equal(result_of(147), LINK_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ppp),
        cmocka_unit_test(test_hdlc),
        cmocka_unit_test(test_pppoe),
        cmocka_unit_test(test_nflog),
        cmocka_unit_test(test_pktap),
        cmocka_unit_test(test_wifi),
        cmocka_unit_test(test_wifi_of_drivers),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
