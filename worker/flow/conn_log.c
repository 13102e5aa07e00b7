/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/flow/conn_log.h"

#include "common/schema/category.h"
#include "worker/flow/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* RFC 1918, 3927, 4193, 4291, 6598 and loopback: what Zeek takes as private address space. */
static const char private_nets[] = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,"
                                   "169.254.0.0/16,100.64.0.0/10,::1/128,fe80::/10,fc00::/7";

static int local_nets_add(struct local_nets *l, char *item)
{
    char *slash = strchr(item, '/');
    unsigned long bits;
    char *end;
    uint8_t v4[4];

    if (!slash || l->n == LOCAL_NETS_MAX)
        return -EINVAL;
    *slash = '\0';
    bits = strtoul(slash + 1, &end, 10);
    if (*end != '\0' || end == slash + 1)
        return -EINVAL;
    if (inet_pton(AF_INET, item, v4) == 1 && bits <= 32) {
        ipaddr_set_v4(&l->net[l->n].addr, v4);
        bits += 96;
    } else if (inet_pton(AF_INET6, item, l->net[l->n].addr.b) != 1 || bits > 128) {
        return -EINVAL;
    }
    l->net[l->n++].bits = (uint8_t)bits;
    return 0;
}

static int local_nets_parse(struct local_nets *l, const char *list, char *bad, size_t bad_bytes)
{
    while (*list) {
        size_t n = strcspn(list, ", ");
        char item[64];

        if (n >= sizeof item)
            n = sizeof item - 1;
        memcpy(item, list, n);
        item[n] = '\0';
        snprintf(bad, bad_bytes, "%s", item);
        if (n > 0 && local_nets_add(l, item) < 0)
            return -EINVAL;
        list += n;
        list += strspn(list, ", ");
    }
    return 0;
}

int local_nets_init(struct local_nets *l, const char *list, char *bad, size_t bad_bytes)
{
    int rc;

    memset(l, 0, sizeof *l);
    rc = local_nets_parse(l, private_nets, bad, bad_bytes);
    return rc < 0 ? rc : local_nets_parse(l, list, bad, bad_bytes);
}

static bool prefix_equal(const struct ipaddr *a, const struct ipaddr *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    if (memcmp(a->b, b->b, bytes) != 0)
        return false;
    return rest == 0 || (a->b[bytes] ^ b->b[bytes]) >> (8 - rest) == 0;
}

bool local_nets_has(const struct local_nets *l, const struct ipaddr *a)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (prefix_equal(&l->net[i].addr, a, l->net[i].bits))
            return true;
    return false;
}

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

static uint64_t side_bytes(const struct flow *f, unsigned side)
{
    return f->key.proto == IPPROTO_TCP ? flow_side_const(f, side)->stream.top
                                       : flow_side_const(f, side)->payload_bytes;
}

static void fill_counts(struct rec_conn *r, const struct flow *f)
{
    const struct flow_end *o = flow_side_const(f, FLOW_ORIG), *p = flow_side_const(f, FLOW_RESP);

    RECORD_SET(conn, r, missed_bytes, o->missed_bytes + p->missed_bytes);
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

void conn_log_fill(struct rec_conn *r, struct conn_log_text *text, const struct flow *f,
                   const struct local_nets *nets, const char *const services[FLOW_SERVICES_MAX])
{
    size_t n = 0;

    r->present = 0;
    RECORD_SET(conn, r, ts, f->start_ns);
    RECORD_SET(conn, r, proto, str_of(proto_name(f->key.proto)));
    for (unsigned i = 0; i < FLOW_SERVICES_MAX && services[i]; i++)
        n += (size_t)snprintf(text->service + n, sizeof text->service - n, "%s%s", n ? "," : "",
                              services[i]);
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
