/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame: early_hash says what decode says, or nothing. The first byte chooses the link type, the
 * second how checksums count, how deep tunnels are followed and how much was cut off. */
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/cursor.h"
#include "common/base/linktype.h"
#include "worker/decode/decode.h"
#include "worker/decode/early_hash.h"
#include "worker/decode/fragments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t linktypes[] = {LINKTYPE_ETHERNET,
                                     LINKTYPE_RAW,
                                     LINKTYPE_NULL,
                                     LINKTYPE_LINUX_SLL,
                                     LINKTYPE_LINUX_SLL2,
                                     LINKTYPE_PPP,
                                     LINKTYPE_MPLS,
                                     LINKTYPE_NFLOG,
                                     LINKTYPE_PKTAP,
                                     LINKTYPE_C_HDLC,
                                     LINKTYPE_IEEE802_11_RADIOTAP};
#define N_LINKTYPES (sizeof linktypes / sizeof linktypes[0])

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct decoder d; /* its array of hops is large */
    struct counters counters = {0};
    struct cursor c = cursor_init(data, size);
    uint8_t link = cursor_u8(&c), how = cursor_u8(&c);
    struct frame f = {.data = c.p,
                      .caplen = (uint32_t)cursor_left(&c),
                      .wirelen = (uint32_t)cursor_left(&c) + (how >> 4),
                      .linktype = linktypes[link % N_LINKTYPES]};
    struct early_hash early = {.seed = 3, .tunnel_max_depth = how & 7, .checksums = (how & 8) != 0};
    enum weird weird = WEIRDS;
    enum decode_result result;
    struct packet p;
    uint32_t hash;

    if (!early_hash_frame(&early, &f, &hash))
        return 0;
    d.counters = &counters;
    d.seed = early.seed;
    d.checksums = early.checksums ? CHECKSUMS_CHECK : CHECKSUMS_IGNORE;
    d.tunnel_max_depth = early.tunnel_max_depth;
    d.fragments = fragments_new(256 * 1024, 30 * NS_PER_SEC, &counters);
    CHECK(d.fragments);
    decode_batch(&d);
    result = decode_frame(&d, &f, &p, &weird);
    CHECK(p.hash == hash && p.n_hops == 0 && !p.reassembled && !p.carrier);
    CHECK(result == DECODE_PACKET || result == DECODE_BAD_CHECKSUM || weird != WEIRDS);
    fragments_free(d.fragments);
    return 0;
}
