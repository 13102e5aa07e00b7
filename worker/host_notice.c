/* SPDX-License-Identifier: BSD-3-Clause */
/* Notices: from what the screen finds, and from oddities that are worth one by themselves. */
#include "worker/host.h"

#include "worker/flow/conn.h"

#include <netinet/in.h>
#include <stdio.h>

#define MSG_MAX          192
#define UNHOOKED_MSG_MAX 1024 /* texts of an answer are bounded: all of them fit */

static void notice_fill(const struct worker *w, struct rec_notice *r, enum notice note,
                        uint64_t ts_ns, uint64_t n, const char *msg)
{
    static const struct str log[] = {{"Notice::ACTION_LOG", sizeof "Notice::ACTION_LOG" - 1}};

    r->present = 0;
    RECORD_SET(notice, r, ts, ts_ns);
    RECORD_SET(notice, r, note, str_of(notice_schemas[note].name));
    RECORD_SET(notice, r, msg, str_of(msg));
    RECORD_SET(notice, r, n, n);
    RECORD_SET(notice, r, peer_descr, str_of(w->heritage->node));
    RECORD_SET(notice, r, actions, ((struct str_list){log, 1}));
    RECORD_SET(notice, r, suppress_for, (int64_t)w->options->notice_suppression);
}

/* In the words of Zeek's scripts, where they have such a notice. */
static void finding_words(char msg[MSG_MAX], const struct screen_finding *found,
                          const struct screen_attempt *a)
{
    unsigned seconds = (unsigned)(found->duration_ns / NS_PER_SEC);
    unsigned long long n = found->n;
    char src[IPADDR_TEXT_MAX], dst[IPADDR_TEXT_MAX];
    int src_len = (int)ipaddr_format(&a->src, src), dst_len = (int)ipaddr_format(&a->dst, dst);

    if (found->note == NOTICE_PORT_SCAN)
        snprintf(msg, MSG_MAX, "%.*s scanned at least %llu unique ports of host %.*s in %um%us",
                 src_len, src, n, dst_len, dst, seconds / 60, seconds % 60);
    else if (found->note == NOTICE_ADDRESS_SCAN)
        snprintf(msg, MSG_MAX, "%.*s scanned at least %llu unique hosts on port %u/tcp in %um%us",
                 src_len, src, n, a->port, seconds / 60, seconds % 60);
    else
        snprintf(msg, MSG_MAX, "%.*s has %llu half-open connections on port %u/tcp in %um%us",
                 dst_len, dst, n, a->port, seconds / 60, seconds % 60);
}

static void finding_raise(struct worker *w, const struct screen_finding *found,
                          const struct screen_attempt *a)
{
    bool flood = found->note == NOTICE_SYN_FLOOD; /* its sources are forged, or many */
    struct rec_notice r;
    char msg[MSG_MAX];
    uint64_t asked;

    if (!screen_admits(w->screen, found->note, flood ? &a->dst : &a->src,
                       found->note == NOTICE_PORT_SCAN ? &a->dst : NULL, w->now_ns, &asked))
        return;
    finding_words(msg, found, a);
    notice_fill(w, &r, found->note, a->ts_ns, found->n, msg);
    RECORD_SET(notice, &r, proto, STR_LIT("tcp"));
    if (!flood) {
        RECORD_SET(notice, &r, src, a->src);
        RECORD_SET(notice, &r, sub,
                   local_nets_has(&w->local_nets, &a->src) ? STR_LIT("local") : STR_LIT("remote"));
    }
    if (found->note != NOTICE_ADDRESS_SCAN)
        RECORD_SET(notice, &r, dst, a->dst);
    if (found->note != NOTICE_PORT_SCAN)
        RECORD_SET(notice, &r, p, a->port);
    if (w->categories == UINT32_MAX)
        emit_record(w->emit, RECORD_notice, &r);
}

void host_attempt(struct worker *w, const struct flow *f)
{
    enum conn_attempt attempt = w->screen ? conn_attempt(f) : CONN_ATTEMPT_NONE;
    struct screen_finding found[SCREEN_FINDINGS_MAX];
    struct screen_attempt a;
    unsigned n;

    if (attempt == CONN_ATTEMPT_NONE)
        return;
    a = (struct screen_attempt){*flow_addr(f, FLOW_ORIG), *flow_addr(f, FLOW_RESP),
                                flow_port(f, FLOW_RESP), attempt == CONN_ATTEMPT_HALF_OPEN,
                                f->start_ns};
    n = screen_attempt(w->screen, &a, found);
    for (unsigned i = 0; i < n; i++)
        finding_raise(w, &found[i], &a);
}

/* "curl (1234) speaks TLS that is not hooked: /usr/lib/libssl.so.3, build-id 0a1b" */
static void unhooked_words(char msg[UNHOOKED_MSG_MAX], const struct owner_answer *a)
{
    int n = snprintf(msg, UNHOOKED_MSG_MAX, "%.*s (%u) speaks TLS that is not hooked",
                     a->process.name.len > 0 ? (int)a->process.name.len : 1,
                     a->process.name.len > 0 ? a->process.name.p : "?", a->process.pid);

    if (a->missed.len > 0)
        n += snprintf(msg + n, UNHOOKED_MSG_MAX - (size_t)n, ": %.*s", (int)a->missed.len,
                      a->missed.p);
    if (a->build_id.len > 0)
        snprintf(msg + n, UNHOOKED_MSG_MAX - (size_t)n, "%s build-id %.*s",
                 a->missed.len > 0 ? "," : ":", (int)a->build_id.len, a->build_id.p);
}

/* Of a server its port stands for all of its clients. */
void host_notice_unhooked(struct worker *w, struct flow *f, const struct owner_answer *a)
{
    const struct flow_key *key = &f->key;
    bool client = a->end == f->orig;
    struct ipaddr service = {
        {[14] = (uint8_t)(key->port[a->end] >> 8), [15] = (uint8_t)key->port[a->end]}};
    char msg[UNHOOKED_MSG_MAX];
    struct rec_notice r;
    uint64_t n;

    if (!w->screen || !screen_admits(w->screen, NOTICE_UNHOOKED_TLS, &key->addr[a->end],
                                     client ? &key->addr[!a->end] : &service, w->now_ns, &n))
        return;
    unhooked_words(msg, a);
    notice_fill(w, &r, NOTICE_UNHOOKED_TLS, f->last_ns, n, msg);
    if (a->process.exe.len > 0)
        RECORD_SET(notice, &r, sub, a->process.exe);
    RECORD_SET(notice, &r, proto, STR_LIT("tcp"));
    RECORD_SET(notice, &r, src, *flow_addr(f, FLOW_ORIG));
    RECORD_SET(notice, &r, dst, *flow_addr(f, FLOW_RESP));
    RECORD_SET(notice, &r, p, flow_port(f, FLOW_RESP));
    host_record(w, f, RECORD_notice, &r);
}

void host_notice_gap(struct worker *w, const char *what, uint64_t n, uint64_t ms)
{
    char msg[MSG_MAX];
    struct rec_notice r;

    if (!w->screen || w->categories != UINT32_MAX)
        return;
    snprintf(msg, MSG_MAX, "%s: nothing was seen for %llu.%03llu s", what,
             (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
    notice_fill(w, &r, NOTICE_CAPTURE_GAP, clock_wall_ns(), n, msg);
    RECORD_SET(notice, &r, sub, str_of(w->heritage->capture.name));
    emit_record(w->emit, RECORD_notice, &r);
}

bool host_notice(struct worker *w, struct flow *f, const struct flow_key *key, unsigned from,
                 uint64_t ts_ns, enum weird name, const char *addl)
{
    static const struct ipaddr nobody;
    enum notice note = notice_of_weird(name);
    struct rec_notice r;
    uint64_t n;

    if (!w->screen || note == NOTICES || memcmp(&key->addr[from], &nobody, sizeof nobody) == 0)
        return false;
    if (!screen_admits(w->screen, note, &key->addr[from], &key->addr[!from], w->now_ns, &n))
        return true;
    notice_fill(w, &r, note, ts_ns, n, notice_schemas[note].doc);
    if (addl)
        RECORD_SET(notice, &r, sub, str_of(addl));
    RECORD_SET(notice, &r, src, key->addr[from]);
    RECORD_SET(notice, &r, dst, key->addr[!from]);
    if (f && f->key.proto == IPPROTO_TCP)
        RECORD_SET(notice, &r, proto, STR_LIT("tcp"));
    else if (f && f->key.proto == IPPROTO_UDP)
        RECORD_SET(notice, &r, proto, STR_LIT("udp"));
    if (f && (f->key.proto == IPPROTO_TCP || f->key.proto == IPPROTO_UDP))
        RECORD_SET(notice, &r, p, key->port[!from]);
    if (f)
        host_record(w, f, RECORD_notice, &r);
    else if (w->categories == UINT32_MAX)
        emit_record(w->emit, RECORD_notice, &r);
    return true;
}
