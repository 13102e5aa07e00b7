/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture source: where a worker's frames come from. The pipeline asks for a batch, runs it to
 * the end and releases it; it never knows which source it has.
 *
 * The descriptor, with everything that needs rights already done, comes from the manager in the
 * heritage. A new source is one file and one row in table.c. */
#ifndef SPLIFF_WORKER_CAPTURE_H
#define SPLIFF_WORKER_CAPTURE_H

#include "common/ipc/heritage.h"
#include "common/schema/counters.h"

#include <stdbool.h>
#include <stdint.h>

#define CAPTURE_BATCH_MAX 64u

/* What the source knows of a frame's TCP, UDP or ICMP checksum. */
enum frame_checksum {
    FRAME_CHECKSUM_UNKNOWN,
    FRAME_CHECKSUM_GOOD,   /* the interface has checked the outermost one */
    FRAME_CHECKSUM_ABSENT, /* not filled in: the interface is to do that on the way out */
};

/* One frame, borrowed until release. */
struct frame {
    const uint8_t *data;
    uint32_t caplen;   /* bytes at data */
    uint32_t wirelen;  /* bytes on the wire */
    uint64_t ts_ns;    /* capture time since 1970 */
    uint16_t linktype; /* LINKTYPE_ value (not DLT_) */
    uint16_t vlan_tci; /* VLAN tag that the kernel took out of the frame, 0 if none */
    bool outgoing;     /* sent by this host */
    uint8_t checksum;  /* enum frame_checksum */
};

struct capture; /* a source's own state */

struct capture_ops {
    enum capture_kind kind;
    const char *name;

    /* Returns 0 and *c, or -errno after printing what is wrong and what to do. */
    int (*open)(struct capture **c, const struct heritage *h, struct counters *counters);

    /* Up to max frames into out; never waits. Returns how many, 0 if there are none now, -ENODATA
     * at the end of the input, -EBADMSG if the input is broken from here (printed once, with the
     * place), -ENODEV if the interface was removed (printed once; one that is down may come back),
     * else -errno (printed).
     */
    int (*recv)(struct capture *c, struct frame *out, uint32_t max);

    /* Gives the frames of the last recv back. */
    void (*release)(struct capture *c);

    /* Descriptor to poll when recv returned 0. */
    int (*wait_fd)(struct capture *c);

    /* Brings the counters that the source's kernel side keeps up to date. May be NULL. */
    void (*stats)(struct capture *c);

    void (*close)(struct capture *c);
};

/* The row for this kind, or NULL if it was not built in. */
const struct capture_ops *capture_find(enum capture_kind kind);

#endif
