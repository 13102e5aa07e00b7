/* SPDX-License-Identifier: BSD-3-Clause */
/* Decode: frame -> packet. Link layer, VLAN tags, IPv4 and IPv6 with their options and extension
 * headers, fragments, TCP, UDP, ICMP. Pure but for the fragment table; nothing is copied: a packet
 * points into its frame, or into the fragment table's buffer when it was reassembled. */
#ifndef SPLIFF_WORKER_DECODE_H
#define SPLIFF_WORKER_DECODE_H

#include "common/base/flow_key.h"
#include "common/schema/counters.h"
#include "common/schema/options.h"
#include "common/schema/weird.h"
#include "worker/capture/capture.h"

#include <stdbool.h>
#include <stdint.h>

/* TCP flags as on the wire (RFC 9293 section 3.1). */
enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20
};

struct packet {
    struct flow_key key;
    uint32_t hash;      /* flow_key_hash */
    uint8_t from;       /* index in key of the sender */
    uint8_t ip_version; /* 4 or 6 */
    uint8_t tcp_flags;
    bool reassembled; /* from fragments */
    bool payload_cut; /* the capture's snap length cut the payload */
    uint16_t tcp_window;
    uint16_t vlan; /* outermost VLAN id, 0 if none */
    uint32_t tcp_seq;
    uint32_t tcp_ack;
    uint32_t ip_len;           /* IP header and everything after it, as its length field says */
    uint32_t payload_len;      /* transport payload captured */
    uint32_t payload_wire_len; /* as the headers say: >= payload_len */
    const uint8_t *payload;    /* borrowed as the frame is */
    const struct frame *frame;
    uint64_t ts_ns;
};

enum decode_result {
    DECODE_PACKET, /* *p is filled */
    DECODE_HELD,   /* a fragment, kept until the rest comes */
    DECODE_NOT_IP, /* ARP and the like */
    DECODE_BAD,    /* broken, cut or unknown: counted; weird set if there is a name for it */
};

struct decoder {
    uint32_t seed;
    enum checksums checksums;
    struct counters *counters;
    struct fragments *fragments; /* fragments.h */
};

/* Decodes one frame. When the result is DECODE_BAD, *weird is its name or WEIRDS if it has none;
 * it may be set with DECODE_PACKET and DECODE_HELD too (overlapping fragments …). p->key is then
 * only as good as the headers were (all zero if no IP header was read). */
enum decode_result decode_frame(struct decoder *d, const struct frame *f, struct packet *p,
                                enum weird *weird);

#endif
