/* SPDX-License-Identifier: BSD-3-Clause */
/* Origins and protocol names are bytes of the traffic: on a terminal they are shown with all that
 * is no letter, digit or sign escaped, and a cell is never empty. */
#include "manager/learned_print.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CELL_BYTES (4 * ALT_SVC_HOST_MAX + 1)

static const char *cell(struct str s, char room[CELL_BYTES])
{
    char *p = room;

    if (s.len == 0)
        return "-";
    for (uint32_t i = 0; i < s.len && i < ALT_SVC_HOST_MAX; i++) {
        unsigned char b = (unsigned char)s.p[i];

        if (b > 0x20 && b < 0x7f && b != '\\')
            *p++ = (char)b;
        else
            p += snprintf(p, 5, "\\x%02x", b);
    }
    *p = '\0';
    return room;
}

static const char *duration(uint64_t seconds, char room[32])
{
    if (seconds >= 86400)
        snprintf(room, 32, "%" PRIu64 "d%02" PRIu64 "h", seconds / 86400, seconds % 86400 / 3600);
    else if (seconds >= 3600)
        snprintf(room, 32, "%" PRIu64 "h%02" PRIu64 "m", seconds / 3600, seconds % 3600 / 60);
    else
        snprintf(room, 32, "%" PRIu64 "s", seconds);
    return room;
}

static void print_row(const struct alt_svc_advert *a, const struct alt_svc_service *s,
                      uint64_t left_ns, struct text *out)
{
    char origin[CELL_BYTES], protocol[CELL_BYTES], host[CELL_BYTES], node[CELL_BYTES];
    char uid[CELL_BYTES], left[32];

    text_printf(out, "%-31s %-8s %-31s %-5u %-10s %-11s %s\n", cell(a->origin, origin),
                cell(s->protocol, protocol), cell(s->host, host), s->port,
                duration(left_ns / NS_PER_SEC, left), cell(a->node, node), cell(a->uid, uid));
}

/* Bytes as a JSON string; what follows a NUL is not shown. */
static void json_pair(struct text *out, const char *key, struct str s)
{
    char room[ALT_SVC_HOST_MAX + 1];

    memcpy(room, s.p ? s.p : "", s.len);
    room[s.len] = '\0';
    json_key(out, key);
    json_string(out, room);
}

static void print_object(const struct alt_svc_advert *a, const struct alt_svc_service *s,
                         uint64_t left_ns, struct text *out)
{
    char server[IPADDR_TEXT_MAX];

    json_item(out);
    text_puts(out, "{");
    json_pair(out, "origin", a->origin);
    json_pair(out, "server", str_make(server, ipaddr_format(&a->server, server)));
    json_pair(out, "protocol", s->protocol);
    json_pair(out, "host", s->host);
    json_key(out, "port");
    json_uint(out, s->port);
    json_key(out, "max_age");
    json_uint(out, s->max_age_s);
    json_key(out, "expires_in");
    text_printf(out, "%" PRIu64 ".%03" PRIu64, left_ns / NS_PER_SEC,
                left_ns % NS_PER_SEC / NS_PER_MS);
    json_key(out, "persist");
    json_bool(out, s->persist);
    json_pair(out, "node", a->node);
    json_pair(out, "uid", a->uid);
    text_puts(out, "}");
}

void learned_print_table(const struct alt_svc_table *t, uint64_t now_ns, bool json,
                         struct text *out)
{
    struct alt_svc_advert a;
    uint32_t position = 0;

    if (json)
        text_puts(out, "{\"alt_svc\":[");
    else
        text_printf(out, "%-31s %-8s %-31s %-5s %-10s %-11s %s\n", "Origin", "Protocol", "Host",
                    "Port", "Expires", "Node", "Uid");
    while (t && alt_svc_table_next(t, &position, &a)) {
        for (unsigned i = 0; i < a.n; i++) {
            uint64_t expires_ns = alt_svc_expires_ns(a.learned_ns, a.services[i].max_age_s);

            if (expires_ns <= now_ns)
                continue;
            (json ? print_object : print_row)(&a, &a.services[i], expires_ns - now_ns, out);
        }
    }
    if (json)
        text_puts(out, "]}\n");
}
