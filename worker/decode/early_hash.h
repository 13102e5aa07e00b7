/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash of a frame's flow without decoding it, for who has to say whose it is and does not read
 * it. */
#ifndef SPLIFF_WORKER_EARLY_HASH_H
#define SPLIFF_WORKER_EARLY_HASH_H

#include "worker/capture/capture.h"

#include <stdbool.h>
#include <stdint.h>

/* How the frame will be decoded: as in struct decoder. */
struct early_hash {
    uint32_t seed;
    uint32_t tunnel_max_depth;
    bool checksums; /* are looked at */
};

/* True: *hash is that of the packet that decode_frame will make of the frame, or of the weird by
 * which it will refuse it; and neither has the packet hops, nor is it of a kind that tunnels use,
 * nor is it a fragment. False: only decode_frame can tell. */
bool early_hash_frame(const struct early_hash *e, const struct frame *f, uint32_t *hash);

#endif
