/* SPDX-License-Identifier: BSD-3-Clause */
/* A service of the HTTP/3 family is in up to three indexes, by which a datagram finds it:
 *
 *   SERVER   the address that advertised it, and its port
 *   LITERAL  the address that is its host, if that is one
 *   NAME     the host, or the origin's own, for who resolved that name to any address
 *
 * Why a port alone finds nothing: 443 is learned within seconds on any link, and from then on a
 * quarter of all random datagrams to it would pass for QUIC's short header, as would all of
 * OpenVPN's. SERVER also holds services whose host is another name, since that is often another
 * name of the same machine, and the port is then what the origin vouched for.
 *
 * Most datagrams that ask are of no QUIC at all, so a bit for each port comes before any hash. */
#include "common/base/alt_svc_private.h"

#include <arpa/inet.h>

/* Services of one bucket that a lookup looks at, newest first: whoever plays client and server can
 * have one address advertise under any number of names. */
#define FIND_MAX 32u

bool alt_svc_is_h3(struct str p)
{
    return (p.len >= 2 && memcmp(p.p, "h3", 2) == 0 && (p.len == 2 || p.p[2] == '-')) ||
           str_equal(p, STR_LIT("quic"));
}

struct str alt_svc_origin_host(struct str o)
{
    const char *end;

    if (o.len > 0 && o.p[0] == '[') {
        end = memchr(o.p, ']', o.len);
        return end ? str_make(o.p + 1, (size_t)(end - o.p - 1)) : STR_LIT("");
    }
    end = o.len > 0 ? memchr(o.p, ':', o.len) : NULL;
    return str_make(o.p, end ? (size_t)(end - o.p) : o.len);
}

bool alt_svc_literal(struct str host, struct ipaddr *out)
{
    char text[IPADDR_TEXT_MAX];
    uint8_t v4[4];

    if (host.len == 0 || host.len >= sizeof text || memchr(host.p, '\0', host.len))
        return false;
    memcpy(text, host.p, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, v4) == 1) {
        ipaddr_set_v4(out, v4);
        return true;
    }
    return inet_pton(AF_INET6, text, out->b) == 1;
}

uint32_t alt_svc_bucket(const struct alt_svc_table *t, const struct ipaddr *addr, uint16_t port,
                        struct str name)
{
    struct {
        struct ipaddr addr;
        uint16_t port;
        char name[ALT_SVC_HOST_MAX];
    } key = {.port = port};

    if (addr)
        key.addr = *addr;
    if (name.len > 0)
        memcpy(key.name, name.p, name.len);
    return (uint32_t)siphash(&t->key, &key, sizeof key.addr + sizeof key.port + name.len) & t->mask;
}

static uint32_t bucket_of_addr(const struct alt_svc_table *t, const struct ipaddr *a, uint16_t port)
{
    return alt_svc_bucket(t, a, port, STR_LIT(""));
}

/* The name under which a client asks for the service; empty if it has only an address. */
static struct str service_name(const struct alt_svc_table *t, const struct alt_svc_entry *s)
{
    const struct alt_svc_origin *o = pool_at(&t->origins, s->origin);
    struct ipaddr unused;
    struct str name = s->host_len > 0 ? str_make(s->host, s->host_len)
                                      : alt_svc_origin_host(str_make(o->name, o->name_len));

    return alt_svc_literal(name, &unused) ? STR_LIT("") : name;
}

/* --- indexes --- */

static void index_add(struct alt_svc_table *t, enum alt_svc_index i, struct alt_svc_entry *s,
                      uint32_t bucket)
{
    uint32_t *head = &t->heads[i][bucket];

    s->links[i] = (struct alt_svc_link){bucket + 1, *head, ALT_SVC_NONE};
    if (*head != ALT_SVC_NONE)
        alt_svc_entry_at(t, *head)->links[i].prev = alt_svc_entry_link(t, s);
    *head = alt_svc_entry_link(t, s);
}

static void index_remove(struct alt_svc_table *t, enum alt_svc_index i, struct alt_svc_entry *s)
{
    struct alt_svc_link *l = &s->links[i];

    if (l->bucket == 0)
        return;
    if (l->prev != ALT_SVC_NONE)
        alt_svc_entry_at(t, l->prev)->links[i].next = l->next;
    else
        t->heads[i][l->bucket - 1] = l->next;
    if (l->next != ALT_SVC_NONE)
        alt_svc_entry_at(t, l->next)->links[i].prev = l->prev;
    l->bucket = 0;
}

static const struct ipaddr *service_addr(const struct alt_svc_table *t, enum alt_svc_index i,
                                         const struct alt_svc_entry *s)
{
    return i == ALT_SVC_INDEX_LITERAL
               ? &s->literal
               : &((struct alt_svc_origin *)pool_at(&t->origins, s->origin))->server;
}

static bool service_is_at(const struct alt_svc_table *t, enum alt_svc_index i,
                          const struct alt_svc_entry *s, const struct ipaddr *addr, uint16_t port)
{
    return s->port == port && memcmp(service_addr(t, i, s), addr, sizeof *addr) == 0;
}

/* Whether any service that is still indexed has this address and port. */
static bool addr_is_known(const struct alt_svc_table *t, const struct ipaddr *addr, uint16_t port)
{
    uint32_t bucket = bucket_of_addr(t, addr, port);

    for (enum alt_svc_index i = ALT_SVC_INDEX_SERVER; i <= ALT_SVC_INDEX_LITERAL; i++)
        for (uint32_t at = t->heads[i][bucket]; at != ALT_SVC_NONE;
             at = alt_svc_entry_at(t, at)->links[i].next)
            if (service_is_at(t, i, alt_svc_entry_at(t, at), addr, port))
                return true;
    return false;
}

static void mirror_host(const struct alt_svc_table *t, const struct ipaddr *addr, uint16_t port,
                        uint64_t expires_ns)
{
    struct alt_svc_host_key key = {.port = port};

    memcpy(key.addr, addr->b, sizeof key.addr);
    if (t->mirror.host && (expires_ns > 0 || !addr_is_known(t, addr, port)))
        t->mirror.host(t->mirror.user, &key, expires_ns);
}

static void mirror_port(const struct alt_svc_table *t, uint16_t port, uint64_t expires_ns)
{
    struct alt_svc_port_key key = {.port = port};

    if (t->mirror.port && (expires_ns > 0 || t->port_services[port] == 0))
        t->mirror.port(t->mirror.user, &key, expires_ns);
}

void alt_svc_index_mirror(const struct alt_svc_table *t, const struct alt_svc_entry *s,
                          uint64_t expires_ns)
{
    if (!alt_svc_is_h3(str_make(s->protocol, s->protocol_len)))
        return;
    mirror_host(t, service_addr(t, ALT_SVC_INDEX_SERVER, s), s->port, expires_ns);
    if (s->has_literal)
        mirror_host(t, &s->literal, s->port, expires_ns);
    mirror_port(t, s->port, expires_ns);
}

void alt_svc_index_add(struct alt_svc_table *t, struct alt_svc_entry *s)
{
    struct str name = service_name(t, s);

    if (!alt_svc_is_h3(str_make(s->protocol, s->protocol_len)))
        return;
    index_add(t, ALT_SVC_INDEX_SERVER, s,
              bucket_of_addr(t, service_addr(t, ALT_SVC_INDEX_SERVER, s), s->port));
    s->has_literal = alt_svc_literal(str_make(s->host, s->host_len), &s->literal);
    if (s->has_literal)
        index_add(t, ALT_SVC_INDEX_LITERAL, s, bucket_of_addr(t, &s->literal, s->port));
    if (name.len > 0)
        index_add(t, ALT_SVC_INDEX_NAME, s, alt_svc_bucket(t, NULL, s->port, name));
    t->port_services[s->port]++;
    t->port_bits[s->port / 64] |= UINT64_C(1) << s->port % 64;
}

void alt_svc_index_remove(struct alt_svc_table *t, struct alt_svc_entry *s)
{
    if (s->links[ALT_SVC_INDEX_SERVER].bucket == 0)
        return;
    for (enum alt_svc_index i = 0; i < ALT_SVC_INDEXES; i++)
        index_remove(t, i, s);
    if (--t->port_services[s->port] == 0)
        t->port_bits[s->port / 64] &= ~(UINT64_C(1) << s->port % 64);
    alt_svc_index_mirror(t, s, 0);
}

/* --- lookups --- */

bool alt_svc_table_has_port(const struct alt_svc_table *t, uint16_t port)
{
    return t->port_bits[port / 64] >> port % 64 & 1;
}

/* What was learned later than now_ns is not yet known: a replay's workers are not equally far. */
static bool service_holds(const struct alt_svc_entry *s, uint64_t now_ns)
{
    return s->since_ns <= now_ns && now_ns < s->expires_ns;
}

/* "h3" itself is preferred to its drafts, whatever the order. */
static void prefer(const struct alt_svc_entry *s, const char **found)
{
    if (!*found || strcmp(s->protocol, "h3") == 0)
        *found = s->protocol;
}

/* "h3" itself is the best there is. */
static bool is_better_wanted(const char *found, unsigned looked_at)
{
    return looked_at < FIND_MAX && (!found || strcmp(found, "h3") != 0);
}

static void find_by_addr(const struct alt_svc_table *t, enum alt_svc_index i,
                         const struct ipaddr *addr, uint16_t port, uint64_t now_ns,
                         const char **found)
{
    uint32_t at = t->heads[i][bucket_of_addr(t, addr, port)];

    for (unsigned n = 0; at != ALT_SVC_NONE && is_better_wanted(*found, n);
         at = alt_svc_entry_at(t, at)->links[i].next, n++) {
        const struct alt_svc_entry *s = alt_svc_entry_at(t, at);

        if (service_is_at(t, i, s, addr, port) && service_holds(s, now_ns))
            prefer(s, found);
    }
}

static void find_by_name(const struct alt_svc_table *t, struct str name, uint16_t port,
                         uint64_t now_ns, const char **found)
{
    uint32_t at = t->heads[ALT_SVC_INDEX_NAME][alt_svc_bucket(t, NULL, port, name)];

    for (unsigned n = 0; at != ALT_SVC_NONE && is_better_wanted(*found, n);
         at = alt_svc_entry_at(t, at)->links[ALT_SVC_INDEX_NAME].next, n++) {
        const struct alt_svc_entry *s = alt_svc_entry_at(t, at);

        if (s->port == port && str_equal(service_name(t, s), name) && service_holds(s, now_ns))
            prefer(s, found);
    }
}

static struct str lower(struct str name, char room[ALT_SVC_HOST_MAX])
{
    for (uint32_t i = 0; i < name.len; i++)
        room[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
    return str_make(room, name.len);
}

const char *alt_svc_table_find(const struct alt_svc_table *t, const struct ipaddr *addr,
                               uint16_t port, struct str name, uint64_t now_ns)
{
    char room[ALT_SVC_HOST_MAX];
    const char *found = NULL;

    if (!alt_svc_table_has_port(t, port))
        return NULL;
    find_by_addr(t, ALT_SVC_INDEX_SERVER, addr, port, now_ns, &found);
    if (!found)
        find_by_addr(t, ALT_SVC_INDEX_LITERAL, addr, port, now_ns, &found);
    if (!found && name.len > 0 && name.len <= ALT_SVC_HOST_MAX)
        find_by_name(t, lower(name, room), port, now_ns, &found);
    return found;
}

void alt_svc_table_mirror(struct alt_svc_table *t, const struct alt_svc_mirror *mirror)
{
    t->mirror = *mirror;
}
