/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of the plaintext view: of sessions, and what it adds to those that analyzers make. */
#include "worker/host_call.h"
#include "worker/host_plain_private.h"

static void log_packets(const struct flow *f, struct rec_tls_plain *r)
{
    RECORD_SET(tls_plain, r, packets_seen, f->log != FLOW_LOG_PLAIN);
    if (f->log == FLOW_LOG_PLAIN)
        return;
    RECORD_SET(tls_plain, r, orig_encrypted_bytes, flow_side_const(f, FLOW_ORIG)->stream.top);
    RECORD_SET(tls_plain, r, resp_encrypted_bytes, flow_side_const(f, FLOW_RESP)->stream.top);
}

void host_plain_log(struct worker *w, struct flow *f, const struct correlate_joint *j,
                    const struct correlate_session *s, const char *protocol)
{
    unsigned wrote = s->end == f->orig; /* index of what the originator said */
    struct rec_tls_plain r;

    correlate_record(s, &r);
    if (protocol)
        RECORD_SET(tls_plain, &r, protocol, str_of(protocol));
    RECORD_SET(tls_plain, &r, process_side,
               s->end == (j->reader < 0 ? f->orig : j->client) ? STR_LIT("client")
                                                               : STR_LIT("server"));
    log_packets(f, &r);
    RECORD_SET(tls_plain, &r, orig_bytes, s->bytes[wrote]);
    RECORD_SET(tls_plain, &r, resp_bytes, s->bytes[!wrote]);
    RECORD_SET(tls_plain, &r, orig_missed_bytes, s->missed[wrote]);
    RECORD_SET(tls_plain, &r, resp_missed_bytes, s->missed[!wrote]);
    host_record(w, f, RECORD_tls_plain, &r);
}

#define SET_TEXT(type, r, member, text)                                                            \
    do {                                                                                           \
        if ((text).len > 0)                                                                        \
            RECORD_SET(type, r, member, text);                                                     \
    } while (0)

#define SET_PROCESS(type, r, facts, side)                                                          \
    do {                                                                                           \
        RECORD_SET(type, r, pid, (facts)->pid);                                                    \
        SET_TEXT(type, r, process, (facts)->name);                                                 \
        SET_TEXT(type, r, exe, (facts)->exe);                                                      \
        SET_TEXT(type, r, container, (facts)->container);                                          \
        SET_TEXT(type, r, cgroup, (facts)->cgroup);                                                \
        RECORD_SET(type, r, process_side, side);                                                   \
    } while (0)

#define SET_PEER(type, r, facts)                                                                   \
    do {                                                                                           \
        RECORD_SET(type, r, peer_pid, (facts)->pid);                                               \
        SET_TEXT(type, r, peer_process, (facts)->name);                                            \
        SET_TEXT(type, r, peer_exe, (facts)->exe);                                                 \
        SET_TEXT(type, r, peer_container, (facts)->container);                                     \
    } while (0)

/* What a record tells of processes; peer: NULL if it is not watched. */
#define SET_BOTH(type, rec, s, peer, side)                                                         \
    do {                                                                                           \
        struct rec_##type *r = rec;                                                                \
                                                                                                   \
        SET_PROCESS(type, r, &(s)->facts.process, side);                                           \
        if (peer)                                                                                  \
            SET_PEER(type, r, &(peer)->facts.process);                                             \
    } while (0)

void host_plain_fill(struct worker *w, struct flow *f, enum record_type type, void *rec)
{
    const struct correlate_joint *j = host_plain_joint(w, f);
    const struct correlate_session *s = j->reader < 0 ? NULL : j->session[j->reader];
    const struct correlate_session *peer = j->reader < 0 ? NULL : j->session[!j->reader];
    struct str side;

    if (!s)
        return;
    side = s->end == j->client ? STR_LIT("client") : STR_LIT("server");
    if (type == RECORD_http)
        SET_BOTH(http, rec, s, peer, side);
    else if (type == RECORD_websocket)
        SET_BOTH(websocket, rec, s, peer, side);
    else if (type == RECORD_grpc)
        SET_BOTH(grpc, rec, s, peer, side);
}

#define SET_ENDS(type, rec, own, peer, side)                                                       \
    do {                                                                                           \
        struct rec_##type *r = rec;                                                                \
                                                                                                   \
        RECORD_SET(type, r, pid, (own)->pid);                                                      \
        SET_TEXT(type, r, process, (own)->name);                                                   \
        RECORD_SET(type, r, process_side, side);                                                   \
        if ((peer)->pid > 0)                                                                       \
            RECORD_SET(type, r, peer_pid, (peer)->pid);                                            \
        SET_TEXT(type, r, peer_process, (peer)->name);                                             \
    } while (0)

struct end_process {
    uint32_t pid; /* 0: not known */
    struct str name;
};

void host_plain_ends(struct worker *w, const struct flow *f, enum record_type type, void *rec)
{
    const struct correlate_joint *j = host_plain_joint(w, f);
    unsigned client = j->reader < 0 ? f->orig ^ f->swapped : j->client;
    struct end_process known[2] = {{0}}, *own = &known[client], *peer = &known[!client];
    struct str side;

    for (unsigned end = 0; end < 2; end++)
        correlate_process(w->plain->correlate, f, end, &known[end].pid, &known[end].name);
    if (own->pid == 0) {
        own = &known[!client];
        peer = &known[client];
    }
    if (own->pid == 0)
        return;
    side = own == &known[client] ? STR_LIT("client") : STR_LIT("server");
    if (type == RECORD_conn)
        SET_ENDS(conn, rec, own, peer, side);
    else if (type == RECORD_ssl)
        SET_ENDS(ssl, rec, own, peer, side);
}

uint64_t host_wire_time(struct analyzer_ctx *ctx, unsigned side, uint64_t ts_ns)
{
    const struct host_call *c = host_call_of(ctx);
    const struct correlate_joint *j;
    unsigned end;

    if (!host_child_is_plain(c->w, c->child))
        return 0;
    j = host_plain_joint(c->w, c->f);
    end = host_child_plain_side(c->w, c->child, side) ^ j->zero;
    return correlate_wire_ns(c->w->plain->correlate, c->f, end, ts_ns, (int)end == j->reader);
}
