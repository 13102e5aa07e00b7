/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/learn/learn_private.h"

int connections_open(struct learn *l)
{
    (void)l;
    return 0;
}

void connections_close(struct learn *l)
{
    (void)l;
}

bool connections_event(struct learn *l, const uint8_t *body, size_t len)
{
    (void)l;
    (void)body;
    (void)len;
    return true;
}

void connections_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns)
{
    (void)l;
    (void)packet_ns;
    (void)mono_ns;
}

uint32_t learn_connection_id(struct learn *l, uint32_t connection, struct str uid, unsigned side,
                             const uint8_t *cid, size_t len)
{
    (void)l;
    (void)uid;
    (void)side;
    (void)cid;
    (void)len;
    return connection;
}

uint32_t learn_connection_find(struct learn *l, const uint8_t *datagram, size_t len, unsigned *side)
{
    (void)l;
    (void)datagram;
    (void)len;
    (void)side;
    return 0;
}

struct str learn_connection_uid(const struct learn *l, uint32_t connection)
{
    (void)l;
    (void)connection;
    return STR_LIT("");
}

void learn_connection_release(struct learn *l, uint32_t connection)
{
    (void)l;
    (void)connection;
}
