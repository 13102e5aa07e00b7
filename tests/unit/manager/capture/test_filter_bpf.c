/* SPDX-License-Identifier: BSD-3-Clause */
/* Each expression is run on each frame twice: by libpcap, and translated, by the kernel
 * (BPF_PROG_TEST_RUN, which gives a socket filter the packet from its network header on: hence link
 * type RAW). */
#include "manager/capture/filter_bpf.h"

#include "common/base/filter.h"
#include "common/base/linktype.h"
#include "tests/unit/packet_builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CLIENT       UINT32_C(0xc0000201)
#define SERVER       UINT32_C(0xc0000202)
#define ETHERNET_LEN 14u
#define FRAMES       6u

static struct packet_builder frames[FRAMES];

static int make_frames(void **state)
{
    struct packet_builder *p = frames;

    (void)state;
    pb_ethernet(p, 0x0800);
    pb_ipv4(p, 6, CLIENT, SERVER, 0, 0);
    pb_tcp(p, 40000, 443, 1, 2, 0x02);
    pb_end(p++);
    pb_ethernet(p, 0x0800);
    pb_ipv4(p, 6, SERVER, CLIENT, 3, 0); /* with options: its header is longer */
    pb_tcp(p, 443, 40000, 1, 2, 0x10);
    pb_fill(p, 'x', 700);
    pb_end(p++);
    pb_ethernet(p, 0x0800);
    pb_ipv4(p, 17, CLIENT, SERVER, 0, 0);
    pb_udp(p, 5353, 53, 4);
    pb_fill(p, 0, 4);
    pb_end(p++);
    pb_ethernet(p, 0x0800);
    pb_ipv4(p, 17, CLIENT, SERVER, 0, 0x00b9); /* not the first fragment */
    pb_udp(p, 5353, 53, 0);
    pb_end(p++);
    pb_ethernet(p, 0x86dd);
    pb_ipv6(p, 6, 1, 2);
    pb_tcp(p, 40000, 80, 1, 2, 0x11);
    pb_end(p++);
    pb_ethernet(p, 0x0800);
    pb_ipv4(p, 6, CLIENT, SERVER, 0, 0); /* cut behind its IP header */
    pb_end(p);
    return 0;
}

#ifdef HAVE_LIBBPF
#include <bpf/bpf.h>
#include <unistd.h>

#define INSNS_MAX FILTER_BPF_MAX(4096u)

static struct bpf_insn insns[INSNS_MAX];

static int load(const struct sock_fprog *classic, int next_fd)
{
    int n = filter_bpf_translate(classic, insns, INSNS_MAX, next_fd);
    static char log[65536];
    LIBBPF_OPTS(bpf_prog_load_opts, o, .log_buf = log, .log_size = sizeof log);
    int fd;

    assert_true(n > 0);
    fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "test", "GPL", insns, (size_t)n, &o);
    if (fd < 0 && fd != -EPERM)
        print_message("%s: %s\n", strerror(-fd), log);
    return fd;
}

static unsigned run(int fd, const struct packet_builder *p)
{
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p->b, .data_size_in = (uint32_t)p->n);

    assert_int_equal(bpf_prog_test_run_opts(fd, &o), 0);
    return o.retval;
}

static int load_expression(const char *text, struct filter **filter, int next_fd)
{
    struct sock_fprog classic;
    char error[200];
    int fd;

    assert_int_equal(filter_compile(filter, text, LINKTYPE_RAW, error, sizeof error), 0);
    classic = filter_program(*filter);
    fd = load(&classic, next_fd);
    if (fd == -EPERM) {
        print_message("the kernel does not let this user load BPF: nothing is tested\n");
        filter_free(*filter);
        skip();
    }
    assert_true(fd >= 0);
    return fd;
}

static void test_agrees_with_libpcap(void **state)
{
    static const char *const expressions[] = {
        "",
        "tcp port 443",
        "not port 53",
        "udp and (port 53 or port 67)",
        "host 192.0.2.1 and not tcp",
        "src net 192.0.2.0/24 and dst portrange 400-500",
        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
        "ip6 and tcp port 80",
        "ip6 net 2001:db8::/32",
        "greater 500",
        "len / 20 = 2",
        "ip[6:2] & 0x1fff = 0 and ip[0] & 0xf > 5",
        "tcp[4:4] + tcp[8:4] = 3",
        "tcp[4:4] * 8 - (tcp[8:4] << 1) >= 4",
        "len % (ip[8] - 64 + 7) = 3",
        "len / (ip[8] - 64) = 3", /* by nothing */
        "(ip[9] ^ 17) = 0",
        "-ip[9] = 4294967290",
        "ip[9] > ip[8]",
        "icmp",
        "less 10",
    };

    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        struct filter *filter;
        int fd = load_expression(expressions[i], &filter, -1);

        for (unsigned n = 0; n < FRAMES; n++) {
            const struct packet_builder *p = &frames[n];
            uint32_t len = (uint32_t)p->n - ETHERNET_LEN;
            bool expected = filter_match(filter, p->b + ETHERNET_LEN, len, len);

            if ((run(fd, p) != 0) != expected)
                fail_msg("\"%s\" on frame %u: libpcap says %s", expressions[i], n,
                         expected ? "yes" : "no");
        }
        close(fd);
        filter_free(filter);
    }
}

/* A second program that answers 7. */
static void test_goes_on_to_the_next_program(void **state)
{
    static const struct bpf_insn answer[] = {
        {.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 7},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "test", 4, 4, 1, NULL);
    uint32_t zero = 0;
    struct filter *filter;
    int fd, next;

    (void)state;
    if (array == -EPERM)
        skip();
    fd = load_expression("tcp", &filter, array);
    assert_int_equal(run(fd, &frames[0]), UINT32_MAX);
    next = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "test", "GPL", answer, 2, NULL);
    assert_true(next >= 0);
    assert_int_equal(bpf_map_update_elem(array, &zero, &next, BPF_ANY), 0);
    assert_int_equal(run(fd, &frames[0]), 7);
    assert_int_equal(run(fd, &frames[2]), 0);
    filter_free(filter);
    close(next);
    close(fd);
    close(array);
}
#else
static void test_agrees_with_libpcap(void **state)
{
    (void)state;
    skip();
}

static void test_goes_on_to_the_next_program(void **state)
{
    (void)state;
    skip();
}
#endif

static void test_says_what_it_cannot(void **state)
{
    struct sock_filter vlan[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)SKF_AD_OFF),
                                 BPF_STMT(BPF_RET | BPF_A, 0)};
    struct sock_filter pass[] = {BPF_STMT(BPF_RET | BPF_K, 1)};
    struct sock_fprog classic = {2, vlan};
    struct bpf_insn out[8];

    (void)state;
    assert_int_equal(filter_bpf_translate(&classic, out, 8, -1), -ENOTSUP);
    classic = (struct sock_fprog){1, pass};
    assert_int_equal(filter_bpf_translate(&classic, out, 8, -1), -E2BIG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_libpcap),
        cmocka_unit_test(test_goes_on_to_the_next_program),
        cmocka_unit_test(test_says_what_it_cannot),
    };

    return cmocka_run_group_tests(tests, make_frames, NULL);
}
