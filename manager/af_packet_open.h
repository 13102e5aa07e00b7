/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens the AF_PACKET socket of one worker with all that needs rights: ring, promiscuous mode,
 * fanout group. Manager process. */
#ifndef SPLIFF_MANAGER_AF_PACKET_OPEN_H
#define SPLIFF_MANAGER_AF_PACKET_OPEN_H

#include "common/ipc/heritage.h"
#include "common/schema/options.h"

#include <stddef.h>
#include <stdint.h>

struct af_packet_request {
    const char *interface;
    const struct options *options; /* ring_*, fanout_*, promiscuous, filter */
    uint32_t fanout_group;         /* the next free one is taken if fanout_id is 0 */
    uint32_t n_workers;            /* on this interface; 1: no fanout */
    uint32_t seed;                 /* of flow_hash */
    const uint16_t *bucket_owner;  /* FLOW_BUCKETS entries: member index in joining order */
};

/* Called once for each worker of an interface, in the order of bucket_owner. Fills *out; out->fd is
 * the caller's to close. Nothing is received before a worker opens the ring (capture/af_packet.c).
 *
 * Returns 0, or with one line in error that says what to do: -ENODEV no such interface, -EPERM no
 * right to capture, -ENOTSUP interface type not supported, -EINVAL filter or fanout group, -ENOMEM
 * no memory for even a small ring, else -errno of the call named in the line. Warns on the log when
 * it goes on with less: interface down, smaller ring, kernel's hash in place of ours. */
int af_packet_open(const struct af_packet_request *r, struct heritage_capture *out, char *error,
                   size_t error_bytes);

#endif
