/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow has at most two things to do with tunnels, each an object in a pool that it refers to by
 * index + 1, so that a flow without them pays eight bytes:
 *
 *   struct tunnel          it carries one: what for tunnel.log, and counts of what is inside
 *   struct tunnel_parents  it came in some: the uids of the innermost outer flow of its packets
 *
 * Parents are kept as uids and not as references, because an outer flow may end before those that
 * came in it. They are a set: a flow whose tunnel changes, or whose directions have a tunnel each,
 * has several, as in Zeek. */
#include "worker/tunnel.h"

#include "worker/flow/conn.h"
#include "worker/host.h"

#include <netinet/in.h>
#include <string.h>

struct tunnel {
    uint64_t packets, bytes; /* carried; bytes by the inner IP headers */
    uint32_t id;
    uint8_t type; /* enum tunnel_type */
    bool has_id;
};

struct tunnel_parents {
    struct tunnel_uid uids[TUNNEL_PARENTS_MAX]; /* in the order in which they were seen */
    uint8_t n, last;
};

const size_t tunnel_bytes = sizeof(struct tunnel);
const size_t tunnel_parents_bytes = sizeof(struct tunnel_parents);

/* Zeek's names; ours where it has none. No service: as in Zeek, nothing over IP has one. */
static const struct tunnel_name {
    const char *type, *service;
} names[TUNNEL_TYPES] = {
    [TUNNEL_NONE] = {"Tunnel::NONE", NULL},         [TUNNEL_IP] = {"Tunnel::IP", NULL},
    [TUNNEL_GRE] = {"Tunnel::GRE", "gre"},          [TUNNEL_VXLAN] = {"Tunnel::VXLAN", "vxlan"},
    [TUNNEL_GENEVE] = {"Tunnel::GENEVE", "geneve"}, [TUNNEL_GTPV1] = {"Tunnel::GTPv1", "gtpv1"},
    [TUNNEL_TEREDO] = {"Tunnel::TEREDO", "teredo"}, [TUNNEL_AYIYA] = {"Tunnel::AYIYA", "ayiya"},
};

static struct tunnel *tunnel_of(const struct worker *w, const struct flow *f)
{
    return f->tunnel ? pool_at(&w->tunnels, f->tunnel - 1) : NULL;
}

struct packet tunnel_outer(const struct packet *p, unsigned hop)
{
    const struct tunnel_hop *h = &p->hops[hop];

    return (struct packet){
        .key = h->key,
        .hash = h->hash,
        .from = h->from,
        .ip_version = h->ip_version,
        .ip_len = h->ip_len,
        .payload_wire_len = h->payload_wire_len,
        .frame = p->frame,
        .ts_ns = p->ts_ns,
    };
}

void tunnel_orient(struct flow *f)
{
    if (f->key.proto == IPPROTO_UDP && tunnel_port(flow_port(f, FLOW_ORIG)) &&
        !tunnel_port(flow_port(f, FLOW_RESP)))
        conn_flip(f);
}

struct tunnel_uid tunnel_uid_of(const struct worker *w, const struct flow *f)
{
    struct tunnel_uid uid;

    uid_make(&f->key, f->start_ns, w->heritage->seed, &uid.hi, &uid.lo);
    return uid;
}

static void log_tunnel(struct worker *w, struct flow *f, const struct tunnel *t, uint64_t ts_ns,
                       const char *action, bool ended)
{
    struct rec_tunnel r = {0};

    if (f->log == FLOW_LOG_NEVER)
        return;
    RECORD_SET(tunnel, &r, ts, ts_ns);
    RECORD_SET(tunnel, &r, tunnel_type, str_of(names[t->type].type));
    RECORD_SET(tunnel, &r, action, str_of(action));
    if (t->has_id)
        RECORD_SET(tunnel, &r, tunnel_id, t->id);
    if (ended) {
        RECORD_SET(tunnel, &r, packets, t->packets);
        RECORD_SET(tunnel, &r, bytes, t->bytes);
    }
    host_record(w, f, RECORD_tunnel, &r);
}

static struct tunnel *tunnel_begin(struct worker *w, struct flow *f, const struct packet *p,
                                   const struct tunnel_hop *h)
{
    uint32_t index = pool_get(&w->tunnels);
    struct tunnel *t;

    if (index == POOL_NONE) {
        w->counters->tunnels_bound++;
        return NULL;
    }
    f->tunnel = index + 1;
    t = pool_at(&w->tunnels, index);
    *t = (struct tunnel){.type = h->type, .has_id = h->has_id, .id = h->id};
    if (f->log != FLOW_LOG_NEVER) {
        w->counters->tunnels++;
        w->counters->tunnels_active++;
    }
    log_tunnel(w, f, t, p->ts_ns, "Tunnel::DISCOVER", false);
    return t;
}

/* As Zeek does it, Teredo is called so only when both ends speak it. */
static bool is_sure(const struct flow *f, const struct tunnel *t)
{
    return t->type != TUNNEL_TEREDO || (f->end[0].packets > 0 && f->end[1].packets > 0);
}

void tunnel_carry(struct worker *w, struct flow *f, const struct packet *p, unsigned hop)
{
    struct tunnel *t = tunnel_of(w, f);

    if (!t && !(t = tunnel_begin(w, f, p, &p->hops[hop])))
        return;
    t->packets++;
    t->bytes += hop + 1 < p->n_hops ? p->hops[hop + 1].ip_len : p->ip_len;
    if (f->key.proto == IPPROTO_UDP && is_sure(f, t))
        host_service(w, f, names[t->type].service);
}

static bool uid_equal(const struct tunnel_uid *a, const struct tunnel_uid *b)
{
    return a->lo == b->lo && a->hi == b->hi;
}

void tunnel_enclose(struct worker *w, struct flow *f, const struct tunnel_uid *parent)
{
    struct tunnel_parents *t;

    if (f->enclosed == 0) {
        uint32_t index = pool_get(&w->tunnel_parents);

        if (index == POOL_NONE) {
            w->counters->tunnels_bound++;
            return;
        }
        memset(pool_at(&w->tunnel_parents, index), 0, sizeof *t);
        f->enclosed = index + 1;
    }
    t = pool_at(&w->tunnel_parents, f->enclosed - 1);
    /* Most packets come the way that the one before came. */
    if (t->n > 0 && uid_equal(&t->uids[t->last], parent))
        return;
    for (t->last = 0; t->last < t->n; t->last++)
        if (uid_equal(&t->uids[t->last], parent))
            return;
    if (t->n == TUNNEL_PARENTS_MAX) {
        t->last = 0; /* there is no place to point at */
        w->counters->tunnels_bound++;
        return;
    }
    t->uids[t->n++] = *parent;
}

void tunnel_conn_fill(const struct worker *w, const struct flow *f, struct rec_conn *r,
                      struct tunnel_text *text)
{
    const struct tunnel_parents *t;

    if (f->enclosed == 0)
        return;
    t = pool_at(&w->tunnel_parents, f->enclosed - 1);
    for (unsigned i = 0; i < t->n; i++)
        text->items[i] =
            str_make(text->uids[i], uid_format(text->uids[i], 'C', t->uids[i].hi, t->uids[i].lo));
    RECORD_SET(conn, r, tunnel_parents, ((struct str_list){text->items, t->n}));
}

void tunnel_end(struct worker *w, struct flow *f)
{
    struct tunnel *t = tunnel_of(w, f);

    if (t) {
        bool idle = w->now_ns - f->seen_ns >= conn_timeout_ns(f, w->options);

        log_tunnel(w, f, t, f->last_ns,
                   idle && f->key.proto != IPPROTO_UDP ? "Tunnel::EXPIRE" : "Tunnel::CLOSE", true);
        if (f->log != FLOW_LOG_NEVER)
            w->counters->tunnels_active--;
        pool_put(&w->tunnels, f->tunnel - 1);
    }
    if (f->enclosed)
        pool_put(&w->tunnel_parents, f->enclosed - 1);
    f->tunnel = f->enclosed = 0;
}
