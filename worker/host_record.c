/* SPDX-License-Identifier: BSD-3-Clause */
/* Records and oddities of flows: what the analyzers do not know of them is filled in here. */
#include "worker/host.h"

#include "worker/flow/uid.h"
#include "worker/host_plain.h"

#include <string.h>

/* Names of oddities that a flow has reported already. */
struct host_oddities {
    uint64_t bits[(WEIRDS + 63) / 64];
};

const size_t host_oddities_bytes = sizeof(struct host_oddities);

/* The fields that every flow's record begins with, laid out as in struct rec_<name>. */
struct flow_head {
    uint64_t present;
    uint64_t ts;
    struct str uid;
    struct ipaddr orig_h;
    uint16_t orig_p;
    struct ipaddr resp_h;
    uint16_t resp_p;
};
_Static_assert(offsetof(struct flow_head, resp_p) == offsetof(struct rec_conn, resp_p), "layout");
_Static_assert(offsetof(struct flow_head, resp_h) == offsetof(struct rec_http, resp_h), "layout");
_Static_assert(RECORD_conn_ts == 0 && RECORD_conn_uid == 1 && RECORD_conn_resp_p == 5, "bits");
#define FLOW_HEAD_BITS UINT64_C(0x3e) /* uid … resp_p */

bool host_category_wanted(const struct worker *w, const struct flow *f)
{
    return w->categories >> f->category & 1;
}

/* The fields that tell what was learned from other flows. */
static void learned_fill(struct worker *w, struct flow *f, enum record_type type, void *rec)
{
    struct str name;

    if (type == RECORD_conn && host_path_of(w, f).len > 0)
        RECORD_SET(conn, (struct rec_conn *)rec, path_of, host_path_of(w, f));
    if (type != RECORD_conn && type != RECORD_ssl)
        return;
    name = host_resolved_name(w, f);
    if (name.len > 0 && type == RECORD_conn)
        RECORD_SET(conn, (struct rec_conn *)rec, resolved_name, name);
    else if (name.len > 0)
        RECORD_SET(ssl, (struct rec_ssl *)rec, resolved_name, name);
}

void host_record(struct worker *w, struct flow *f, enum record_type type, void *rec)
{
    struct flow_head *head = rec;
    char uid[UID_MAX];
    uint32_t hi;
    uint64_t lo;

    if (!host_category_wanted(w, f))
        return;
    if (record_schemas[type].has_flow_id) {
        uid_make(&f->key, f->start_ns, w->heritage->seed, &hi, &lo);
        head->uid = str_make(uid, uid_format(uid, 'C', hi, lo));
        head->orig_h = *flow_addr(f, FLOW_ORIG);
        head->orig_p = flow_port(f, FLOW_ORIG);
        head->resp_h = *flow_addr(f, FLOW_RESP);
        head->resp_p = flow_port(f, FLOW_RESP);
        head->present |= FLOW_HEAD_BITS;
    }
    learned_fill(w, f, type, rec);
    if (f->joint > 0 && (type == RECORD_conn || type == RECORD_ssl))
        host_plain_ends(w, f, type, rec);
    emit_record(w->emit, type, rec);
}

/* What all weird records have in common. */
static void weird_fill(const struct worker *w, struct rec_weird *r, uint64_t ts_ns, enum weird name,
                       const char *addl, bool noticed, const char *source)
{
    r->present = 0;
    RECORD_SET(weird, r, ts, ts_ns);
    RECORD_SET(weird, r, name, str_of(weird_schemas[name].name));
    if (addl)
        RECORD_SET(weird, r, addl, str_of(addl));
    RECORD_SET(weird, r, notice, noticed);
    RECORD_SET(weird, r, peer, str_of(w->heritage->node));
    RECORD_SET(weird, r, source, str_of(source));
}

/* Where there is no flow, or no room to remember what it has reported: the first few of each name,
 * then every thousandth. */
static bool name_is_due(struct worker *w, enum weird name)
{
    uint64_t n = ++w->weird_seen[name];

    return n <= 25 || n % 1000 == 0;
}

static bool flow_is_due(struct worker *w, struct flow *f, enum weird name)
{
    struct host_oddities *seen;
    uint64_t bit = UINT64_C(1) << name % 64;

    if (f->oddities == 0) {
        uint32_t index = pool_get(&w->oddities);

        if (index == POOL_NONE)
            return name_is_due(w, name);
        memset(pool_at(&w->oddities, index), 0, sizeof *seen);
        f->oddities = index + 1;
    }
    seen = pool_at(&w->oddities, f->oddities - 1);
    if (seen->bits[name / 64] & bit)
        return false;
    seen->bits[name / 64] |= bit;
    return true;
}

void host_oddities_free(struct worker *w, struct flow *f)
{
    if (f->oddities > 0)
        pool_put(&w->oddities, f->oddities - 1);
    f->oddities = 0;
}

void host_weird_from(struct worker *w, struct flow *f, unsigned end, enum weird name,
                     const char *addl, const char *source)
{
    struct rec_weird r;
    bool noticed;

    w->counters->weirds++;
    noticed = host_notice(w, f, &f->key, end, f->last_ns, name, addl);
    if (!flow_is_due(w, f, name)) {
        w->counters->weirds_suppressed++;
        return;
    }
    weird_fill(w, &r, f->last_ns, name, addl, noticed, source);
    host_record(w, f, RECORD_weird, &r);
}

void host_weird(struct worker *w, struct flow *f, enum weird name, const char *addl,
                const char *source)
{
    host_weird_from(w, f, f->orig, name, addl, source);
}

void host_weird_packet(struct worker *w, const struct packet *p, enum weird name)
{
    static const struct ipaddr none;
    struct rec_weird r;
    bool noticed;

    w->counters->weirds++;
    noticed = host_notice(w, NULL, &p->key, p->from, p->ts_ns, name, NULL);
    if (!name_is_due(w, name)) {
        w->counters->weirds_suppressed++;
        return;
    }
    weird_fill(w, &r, p->ts_ns, name, NULL, noticed, "decode");
    if (memcmp(&p->key.addr[0], &none, sizeof none) != 0) {
        RECORD_SET(weird, &r, orig_h, p->key.addr[p->from]);
        RECORD_SET(weird, &r, orig_p, p->key.port[p->from]);
        RECORD_SET(weird, &r, resp_h, p->key.addr[!p->from]);
        RECORD_SET(weird, &r, resp_p, p->key.port[!p->from]);
    }
    if (w->categories == UINT32_MAX)
        emit_record(w->emit, RECORD_weird, &r);
}
