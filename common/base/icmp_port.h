/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What stands for the responder's port in an ICMP flow; the originator's is the message type.
 *
 * A request and its reply are one flow: the counterpart's type is the other port, so that both
 * directions have the same two "ports". Every other message is a flow one way, and its code takes
 * that place. Also read by the BPF verifier: no loops, no memory. */
#ifndef SPLIFF_BASE_ICMP_PORT_H
#define SPLIFF_BASE_ICMP_PORT_H

#define ICMP_PORT_ONE_WAY (-1)

/* Type of the answer to (or of the question for) an ICMP message, or ICMP_PORT_ONE_WAY.
 * RFC 792, RFC 950, RFC 1256. */
static inline __attribute__((always_inline)) int icmp_port_counterpart(unsigned type)
{
    switch (type) {
    case 0: /* echo reply */
        return 8;
    case 8:
        return 0;
    case 9: /* router advertisement */
        return 10;
    case 10:
        return 9;
    case 13: /* timestamp */
        return 14;
    case 14:
        return 13;
    case 15: /* information */
        return 16;
    case 16:
        return 15;
    case 17: /* address mask */
        return 18;
    case 18:
        return 17;
    default:
        return ICMP_PORT_ONE_WAY;
    }
}

/* The same for ICMPv6. RFC 4443, RFC 2710, RFC 4861, RFC 4620, RFC 6275. */
static inline __attribute__((always_inline)) int icmp_port_counterpart6(unsigned type)
{
    switch (type) {
    case 128: /* echo request */
        return 129;
    case 129:
        return 128;
    case 130: /* multicast listener query */
        return 131;
    case 131:
        return 130;
    case 133: /* router solicitation */
        return 134;
    case 134:
        return 133;
    case 135: /* neighbour solicitation */
        return 136;
    case 136:
        return 135;
    case 139: /* node information */
        return 140;
    case 140:
        return 139;
    case 144: /* home agent address discovery */
        return 145;
    case 145:
        return 144;
    default:
        return ICMP_PORT_ONE_WAY;
    }
}

#endif
