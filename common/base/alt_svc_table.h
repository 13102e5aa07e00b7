/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of alternative services (RFC 7838) that each worker and the manager keep: what each
 * origin advertised last, until it expires, is replaced or is cleared. Bounded; when it is full the
 * origin that advertised longest ago goes first. The clock is the caller's: packet time in a
 * worker, the wall clock in the manager.
 *
 * Texts given in are copied, texts given out are borrowed until the next call that changes the
 * table. Not thread-safe. */
#ifndef SPLIFF_BASE_ALT_SVC_TABLE_H
#define SPLIFF_BASE_ALT_SVC_TABLE_H

#include "common/base/alt_svc_key.h"
#include "common/base/clock.h"
#include "common/base/ipaddr.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define ALT_SVC_SERVICES_MAX 16u /* of one advertisement */
#define ALT_SVC_HOST_MAX     255u
#define ALT_SVC_PROTOCOL_MAX 31u
#define ALT_SVC_UID_MAX      31u
#define ALT_SVC_NODE_MAX     31u
#define ALT_SVC_MAX_AGE_S    UINT32_C(0x7fffffff) /* longer ones are taken as this */
#define ALT_SVC_TABLE_MAX    (1u << 20)           /* largest table */

struct alt_svc_table;

struct alt_svc_service {
    struct str protocol; /* ALPN name, at most ALT_SVC_PROTOCOL_MAX bytes, any bytes */
    struct str host;     /* lower case, without brackets; empty: the origin's own */
    uint32_t max_age_s;
    uint16_t port;
    bool persist;
};

/* What an origin said. Origins are told apart by server, server_port and origin. */
struct alt_svc_advert {
    struct ipaddr server;
    uint16_t server_port;
    struct str origin; /* Host or :authority in lower case; may be empty */
    struct str uid;    /* of the flow it was seen on */
    struct str node;   /* who saw it */
    uint64_t learned_ns;
    unsigned n; /* 0: clear */
    struct alt_svc_service services[ALT_SVC_SERVICES_MAX];
};

/* HTTP/3 and its forerunners: h3, h3-29, h3-Q050, quic. Only these are found by address. */
bool alt_svc_is_h3(struct str protocol);

static inline uint64_t alt_svc_expires_ns(uint64_t learned_ns, uint32_t max_age_s)
{
    return learned_ns + max_age_s * NS_PER_SEC;
}

/* The origin's host without port and brackets. */
struct str alt_svc_origin_host(struct str origin);

/* An address in text form. False if it is none. */
bool alt_svc_literal(struct str host, struct ipaddr *out);

/* Room for capacity services (1 … ALT_SVC_TABLE_MAX), touched as it is used. 0 or -ENOMEM. Freed
 * with alt_svc_table_free, which takes NULL too. */
int alt_svc_table_new(struct alt_svc_table **out, uint32_t capacity);
void alt_svc_table_free(struct alt_svc_table *t);

enum alt_svc_action { ALT_SVC_LEARN, ALT_SVC_REFRESH, ALT_SVC_CLEAR };

/* How much an advertisement told that was not known. */
enum alt_svc_news {
    ALT_SVC_NOTHING, /* nothing worth a message: the same again, soon after */
    ALT_SVC_LATER,   /* the same, known for longer than was told: others want to know */
    ALT_SVC_CHANGED, /* other services than before */
};

/* Replaces what the origin had advertised (RFC 7838 section 3.1). Calls change (unless NULL) for
 * each service that is new, that is taken away, or that is there again and now expires so much
 * later that it is worth a line: half its age. Services of an age of 0 are not taken. */
enum alt_svc_news alt_svc_table_set(struct alt_svc_table *t, const struct alt_svc_advert *a,
                                    void (*change)(void *arg, enum alt_svc_action action,
                                                   const struct alt_svc_service *s),
                                    void *arg);

/* Whether the origin is in the table as of learned_ns or later. */
bool alt_svc_table_has(const struct alt_svc_table *t, const struct alt_svc_advert *a);

/* Whether any service of HTTP/3 has this port: no is final, and costs a bit. */
bool alt_svc_table_has_port(const struct alt_svc_table *t, uint16_t port);

/* ALPN name of the HTTP/3 service that is known at now_ns at this address and port, or at this
 * port under the name that the client knows it by (empty: no name); NULL if none is. A port alone
 * is never enough. */
const char *alt_svc_table_find(const struct alt_svc_table *t, const struct ipaddr *addr,
                               uint16_t port, struct str name, uint64_t now_ns);

/* Looks at the next `steps` places of the table and forgets those that have expired. */
void alt_svc_table_expire(struct alt_svc_table *t, uint64_t now_ns, uint32_t steps);

/* The origins, longest known first: *position is 0 at first. False at the end. */
bool alt_svc_table_next(const struct alt_svc_table *t, uint32_t *position,
                        struct alt_svc_advert *out);

uint32_t alt_svc_table_used(const struct alt_svc_table *t);    /* services */
uint64_t alt_svc_table_evicted(const struct alt_svc_table *t); /* services gone for want of room */

/* Where HTTP/3 is known, for who mirrors it into BPF maps: called when a key appears, when it holds
 * for another time (the map is to keep the latest), and with 0 when the last service that has it
 * is gone. */
struct alt_svc_mirror {
    void (*host)(void *user, const struct alt_svc_host_key *key, uint64_t expires_ns);
    void (*port)(void *user, const struct alt_svc_port_key *key, uint64_t expires_ns);
    void *user;
};
void alt_svc_table_mirror(struct alt_svc_table *t, const struct alt_svc_mirror *mirror);

#endif
