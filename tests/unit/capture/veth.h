/* SPDX-License-Identifier: BSD-3-Clause */
/* A network namespace of the test's own with a veth pair, "far" and "near", and frames that are put
 * in at one end. Needs root and ip(8); without them it says so, and every case is skipped. */
#ifndef SPLIFF_TESTS_VETH_H
#define SPLIFF_TESTS_VETH_H

#include "common/base/log.h"
#include "tests/unit/packet_builder.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct packet_builder pb; /* the frame */
static int injector = -1;
static bool can_run;

/* Each end has so many queues either way and this MTU. */
static inline void veth_make(unsigned queues, unsigned mtu)
{
    char command[512];

    log_init("test", LOG_LEVEL_ERROR);
    snprintf(command, sizeof command,
             "ip link add near numrxqueues %u numtxqueues %u type veth peer name far "
             "numrxqueues %u numtxqueues %u && ip link set lo up && "
             "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 && "
             "ip link set near mtu %u up && ip link set far mtu %u up",
             queues, queues, queues, queues, mtu, mtu);
    if (unshare(CLONE_NEWNET) < 0)
        printf("no network namespace (%s): nothing is tested; run as root\n", strerror(errno));
    else if (system(command) != 0)
        printf("ip(8) cannot make a veth pair: nothing is tested\n");
    else
        can_run = (injector = socket(AF_PACKET, SOCK_RAW, 0)) >= 0;
}

#define SKIP_IF_UNABLE()                                                                           \
    do {                                                                                           \
        if (!can_run)                                                                              \
            skip();                                                                                \
    } while (0)

/* Sends the frame in pb out of an interface. */
static inline void inject(const char *interface)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = (int)if_nametoindex(interface)};

    assert_int_equal(sendto(injector, pb.b, pb.n, 0, (struct sockaddr *)&to, sizeof to),
                     (ssize_t)pb.n);
}

static inline void build_udp(unsigned sport, unsigned payload)
{
    pb_ethernet(&pb, ETH_P_IP);
    pb_ipv4(&pb, 17, 0xc0000201, 0xc0000202, 0, 0);
    pb_udp(&pb, sport, 9, payload);
    pb_fill(&pb, sport, payload);
    pb_end(&pb);
}

#endif
