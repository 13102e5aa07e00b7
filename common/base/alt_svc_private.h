/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the table of alternative services. Private to common/base/alt_svc_*.c.
 *
 *   alt_svc_table.c  origins and what they advertised: replaced, evicted, expired
 *   alt_svc_index.c  by which addresses and names services are found */
#ifndef SPLIFF_BASE_ALT_SVC_PRIVATE_H
#define SPLIFF_BASE_ALT_SVC_PRIVATE_H

#include "common/base/alt_svc_table.h"
#include "common/base/pool.h"
#include "common/base/siphash.h"

#define ALT_SVC_PORTS 65536u
#define ALT_SVC_NONE  0u /* in lists, which hold an index + 1 */

enum alt_svc_index {
    ALT_SVC_INDEX_SERVER,
    ALT_SVC_INDEX_LITERAL,
    ALT_SVC_INDEX_NAME,
    ALT_SVC_INDEXES
};

struct alt_svc_link {
    uint32_t bucket; /* + 1; 0: not linked */
    uint32_t next, prev;
};

struct alt_svc_entry {
    uint32_t origin; /* index */
    uint32_t next;   /* of the origin's */
    struct alt_svc_link links[ALT_SVC_INDEXES];
    uint64_t expires_ns;        /* 0: the place is free */
    uint64_t logged_expires_ns; /* as in the last line about it */
    uint64_t since_ns;          /* learned first */
    struct ipaddr literal;      /* the host, if it is an address */
    uint32_t max_age_s;
    uint16_t port;
    bool persist, has_literal;
    uint8_t protocol_len, host_len;
    char protocol[ALT_SVC_PROTOCOL_MAX + 1];
    char host[ALT_SVC_HOST_MAX];
};

struct alt_svc_origin {
    uint32_t bucket;
    uint32_t next, prev; /* of the bucket */
    uint32_t older, newer;
    uint32_t services;
    struct ipaddr server;
    uint64_t learned_ns;
    uint64_t told_ns; /* learned_ns of the last advertisement that was news */
    uint16_t server_port;
    uint8_t name_len, uid_len, node_len;
    char name[ALT_SVC_HOST_MAX];
    char uid[ALT_SVC_UID_MAX];
    char node[ALT_SVC_NODE_MAX];
};

struct alt_svc_table {
    struct pool origins, services;
    uint32_t *origin_heads;
    uint32_t *heads[ALT_SVC_INDEXES];
    struct siphash_key key; /* peers choose names: collisions are not theirs to find */
    uint32_t mask;
    uint32_t oldest, newest; /* origins */
    uint32_t hand;
    uint64_t evicted;
    struct alt_svc_mirror mirror;
    uint64_t port_bits[ALT_SVC_PORTS / 64];
    uint32_t port_services[ALT_SVC_PORTS];
};

/* Of an index + 1, as lists hold it. */
static inline struct alt_svc_entry *alt_svc_entry_at(const struct alt_svc_table *t, uint32_t link)
{
    return pool_at(&t->services, link - 1);
}

static inline struct alt_svc_origin *alt_svc_origin_at(const struct alt_svc_table *t, uint32_t link)
{
    return pool_at(&t->origins, link - 1);
}

static inline uint32_t alt_svc_entry_link(const struct alt_svc_table *t,
                                          const struct alt_svc_entry *s)
{
    return pool_index(&t->services, s) + 1;
}

static inline uint32_t alt_svc_origin_link(const struct alt_svc_table *t,
                                           const struct alt_svc_origin *o)
{
    return pool_index(&t->origins, o) + 1;
}

/* The place in heads[] or origin_heads of an address (or NULL), port and name (or empty). */
uint32_t alt_svc_bucket(const struct alt_svc_table *t, const struct ipaddr *addr, uint16_t port,
                        struct str name);

/* A service that is found from now on, if it is of HTTP/3; that is found no more. */
void alt_svc_index_add(struct alt_svc_table *t, struct alt_svc_entry *s);
void alt_svc_index_remove(struct alt_svc_table *t, struct alt_svc_entry *s);

/* Tells the mirror until when the service holds; 0: it is found no more. */
void alt_svc_index_mirror(const struct alt_svc_table *t, const struct alt_svc_entry *s,
                          uint64_t expires_ns);

#endif
