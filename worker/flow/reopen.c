/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/flow/reopen.h"

#include <string.h>

#define FLAGS (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST)

static struct reopen_syn *place_of(struct reopen *r, uint32_t hash)
{
    return &r->syns[hash % REOPEN_SYNS];
}

static bool is_of(const struct reopen_syn *k, const struct flow *f)
{
    return k->packets > 0 && memcmp(&k->packet.key, &f->key, sizeof f->key) == 0;
}

void reopen_note(struct reopen *r, const struct flow *f, const struct packet *p)
{
    const struct stream *s = &f->end[p->from].stream;
    struct reopen_syn *k = place_of(r, p->hash);

    if ((p->tcp_flags & FLAGS) != TCP_SYN || p->payload_wire_len > 0 || !s->started ||
        p->tcp_seq + 1 == s->base_seq)
        return;
    if (!is_of(k, f) || k->packet.from != p->from || k->packet.tcp_seq != p->tcp_seq) {
        *k = (struct reopen_syn){.packet = *p};
        k->packet.payload = NULL;
        k->packet.frame = NULL;
        k->packet.n_hops = 0;
    }
    k->packets++;
    k->ip_bytes += p->ip_len;
}

bool reopen_answered(struct reopen *r, struct flow *f, const struct packet *p,
                     struct reopen_syn *out)
{
    struct flow_end *client = &f->end[!p->from];
    struct reopen_syn *k = place_of(r, p->hash);

    if ((p->tcp_flags & FLAGS) != (TCP_SYN | TCP_ACK) || !is_of(k, f) ||
        k->packet.from == p->from || p->tcp_ack != k->packet.tcp_seq + 1 ||
        client->packets <= k->packets)
        return false;
    client->packets -= k->packets;
    client->ip_bytes -= k->ip_bytes;
    *out = *k;
    k->packets = 0;
    return true;
}
