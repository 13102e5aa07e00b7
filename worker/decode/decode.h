/* SPDX-License-Identifier: BSD-3-Clause */
/* Decode: frame -> packet. Link layer with tags and labels, IPv4 and IPv6 with their options and
 * extension headers, fragments, tunnels, TCP, UDP, ICMP. The packet is the innermost one; the outer
 * ones are its hops. Pure but for the fragment table; nothing is copied: a packet points into its
 * frame, or into the fragment table's buffer when it was reassembled. */
#ifndef SPLIFF_WORKER_DECODE_H
#define SPLIFF_WORKER_DECODE_H

#include "common/base/flow_key.h"
#include "common/schema/counters.h"
#include "common/schema/options.h"
#include "common/schema/weird.h"
#include "worker/capture/capture.h"
#include "worker/decode/tunnel_header.h"

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

#define DECODE_DEPTH_MAX 16u /* the highest tunnel_max_depth */

/* A packet that carried another one, by its headers alone. Tunnels over IP have no ports. */
struct tunnel_hop {
    struct flow_key key;
    uint32_t hash;
    uint32_t id;               /* VNI, TEID, key …, if has_id */
    uint32_t ip_len;           /* of the outer packet, as in struct packet */
    uint32_t payload_wire_len; /* behind its UDP header, or behind IP */
    uint8_t from;
    uint8_t ip_version;
    uint8_t type; /* enum tunnel_type */
    bool has_id;
};

struct packet {
    struct flow_key key;
    uint32_t hash;      /* flow_key_hash */
    uint8_t from;       /* index in key of the sender */
    uint8_t ip_version; /* 4 or 6 */
    uint8_t tcp_flags;
    bool reassembled;        /* from fragments, it or a packet around it */
    bool reassembled_inside; /* it itself, or one within it that could not be read */
    bool payload_cut;        /* the capture's snap length cut the payload */
    bool carrier;   /* of a kind that tunnels use: its flow may have hops of other packets */
    uint8_t result; /* enum decode_result */
    uint8_t n_hops;
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
    const struct tunnel_hop *hops; /* n_hops, outermost first; borrowed until decode_batch */
};

enum decode_result {
    DECODE_PACKET,       /* *p is filled */
    DECODE_HELD,         /* a fragment, kept until the rest comes */
    DECODE_NOT_IP,       /* ARP and the like; IPv6 without anything behind it */
    DECODE_BAD,          /* broken, cut or unknown: counted; weird set if there is a name for it */
    DECODE_BAD_CHECKSUM, /* *p is filled, and not to be believed: weird is set */
};

/* Set the first five; the rest is decode's own. */
struct decoder {
    uint32_t seed;
    uint32_t tunnel_max_depth; /* 0: tunnels are not looked into; at most DECODE_DEPTH_MAX */
    enum checksums checksums;
    struct counters *counters;
    struct fragments *fragments; /* fragments.h */
    uint32_t n_hops;
    struct tunnel_hop hops[CAPTURE_BATCH_MAX * DECODE_DEPTH_MAX]; /* of a batch's packets */
};

/* What the option means to a worker: a file does not tell what came from outside. */
static inline enum checksums decode_checksums(enum checksums option, bool live)
{
    return option == CHECKSUMS_AUTO && !live ? CHECKSUMS_IGNORE : option;
}

/* A new batch begins: at most CAPTURE_BATCH_MAX frames until the next call. */
static inline void decode_batch(struct decoder *d)
{
    d->n_hops = 0;
}

/* Decodes one frame. When the result is DECODE_BAD, *weird is its name or WEIRDS if it has none;
 * it may be set with DECODE_PACKET and DECODE_HELD too (overlapping fragments …). p->key is then
 * only as good as the headers were (all zero if no IP header was read). Whatever the result, the
 * hops are there if the frame had any: a tunnel whose inside is not IP, waits or is damaged. What
 * cannot be read inside leaves the outer packet as it would be without looking. */
enum decode_result decode_frame(struct decoder *d, const struct frame *f, struct packet *p,
                                enum weird *weird);

#endif
