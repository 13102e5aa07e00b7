/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/flow/conn_log.h"

#include "common/base/check.h"
#include "common/schema/category.h"
#include "worker/flow/conn.h"

#include <netinet/in.h>
#include <string.h>

static const char *proto_name(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return "tcp";
    case IPPROTO_UDP:
        return "udp";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return "icmp";
    default:
        return "unknown_transport";
    }
}

/* TCP: what was acknowledged was sent, whether or not it was captured. One byte more than was seen
 * may be a FIN. */
static uint64_t side_bytes(const struct flow *f, unsigned side)
{
    const struct stream *s = &flow_side_const(f, side)->stream;

    if (f->key.proto != IPPROTO_TCP)
        return flow_side_const(f, side)->payload_bytes;
    return !s->fin && s->acked > s->top + 1 ? s->acked : s->top;
}

static void fill_counts(struct rec_conn *r, const struct flow *f)
{
    const struct flow_end *o = flow_side_const(f, FLOW_ORIG), *p = flow_side_const(f, FLOW_RESP);

    RECORD_SET(conn, r, missed_bytes,
               f->key.proto == IPPROTO_TCP ? o->missed_bytes + p->missed_bytes : 0);
    RECORD_SET(conn, r, orig_pkts, o->packets);
    RECORD_SET(conn, r, orig_ip_bytes, o->ip_bytes);
    RECORD_SET(conn, r, resp_pkts, p->packets);
    RECORD_SET(conn, r, resp_ip_bytes, p->ip_bytes);
    RECORD_SET(conn, r, ip_proto, f->key.proto);
    if (f->last_ns == f->start_ns)
        return; /* like Zeek: a single instant has no duration and no sizes */
    RECORD_SET(conn, r, duration, (int64_t)(f->last_ns - f->start_ns));
    RECORD_SET(conn, r, orig_bytes, side_bytes(f, FLOW_ORIG));
    RECORD_SET(conn, r, resp_bytes, side_bytes(f, FLOW_RESP));
}

/* "http,websocket". Every flow's line has one, so it is put together without printf. */
static size_t join_services(char *out, size_t max, const char *const services[FLOW_SERVICES_MAX])
{
    size_t n = 0;

    for (unsigned i = 0; i < FLOW_SERVICES_MAX && services[i]; i++) {
        size_t len = strlen(services[i]);

        CHECK(n + 1 + len <= max);
        if (n > 0)
            out[n++] = ',';
        memcpy(out + n, services[i], len);
        n += len;
    }
    return n;
}

void conn_log_fill(struct rec_conn *r, struct conn_log_text *text, const struct flow *f,
                   const struct local_nets *nets, const char *const services[FLOW_SERVICES_MAX])
{
    size_t n = join_services(text->service, sizeof text->service, services);

    r->present = 0;
    RECORD_SET(conn, r, ts, f->start_ns);
    RECORD_SET(conn, r, proto, str_of(proto_name(f->key.proto)));
    if (n > 0)
        RECORD_SET(conn, r, service, str_make(text->service, n));
    RECORD_SET(conn, r, conn_state, str_of(conn_state_name(f)));
    RECORD_SET(conn, r, local_orig, local_nets_has(nets, flow_addr(f, FLOW_ORIG)));
    RECORD_SET(conn, r, local_resp, local_nets_has(nets, flow_addr(f, FLOW_RESP)));
    if (f->history_len > 0)
        RECORD_SET(conn, r, history, str_make(f->history, f->history_len));
    fill_counts(r, f);
    RECORD_SET(
        conn, r, community_id,
        str_make(text->community_id, community_id_format(&f->key, f->orig, text->community_id)));
    RECORD_SET(conn, r, category, str_of(category_schemas[f->category].name));
}
