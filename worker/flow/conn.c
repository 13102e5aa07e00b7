/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/flow/conn.h"

#include "common/base/check.h"

#include <netinet/in.h>

#define WELL_KNOWN_PORTS 1024

static void history_add(struct flow *f, char letter)
{
    if (f->history_len < FLOW_HISTORY_MAX)
        f->history[f->history_len++] = letter;
}

/* Letter as the side writes it: the originator's are capital. */
static char history_case(unsigned side, char letter)
{
    return side == FLOW_ORIG ? (char)(letter - 'a' + 'A') : letter;
}

/* The letters kept in history_seen, a d f h i r s, differ modulo 16. */
static uint16_t history_bit(char letter)
{
    return (uint16_t)(1u << ((unsigned)(letter - 'a') % 16));
}

/* Letters that appear once a direction. */
static void history_once(struct flow *f, unsigned side, char letter)
{
    uint16_t bit = history_bit(letter);

    if (flow_side(f, side)->history_seen & bit)
        return;
    flow_side(f, side)->history_seen |= bit;
    history_add(f, history_case(side, letter));
}

/* Letters of SYN, FIN and RST: again whenever the sequence number is another one. */
static void history_sequence(struct flow *f, unsigned side, char letter, uint32_t seq)
{
    struct flow_end *s = flow_side(f, side);
    uint16_t bit = history_bit(letter);

    if ((s->history_seen & bit) && s->history_seq == seq)
        return;
    s->history_seen |= bit;
    s->history_seq = seq;
    history_add(f, history_case(side, letter));
}

void conn_history_scaled(struct flow *f, unsigned side, unsigned event)
{
    static const char letters[SCALED_EVENTS] = {'c', 'g', 't', 'w'};
    uint16_t *n = &flow_side(f, side)->scaled[event];

    if (*n == UINT16_MAX)
        return;
    ++*n;
    if (*n == 1 || *n == 10 || *n == 100 || *n == 1000 || *n == 10000)
        history_add(f, history_case(side, letters[event]));
}

void conn_history_inconsistent(struct flow *f, unsigned side)
{
    history_once(f, side, 'i');
}

void conn_flip(struct flow *f)
{
    f->orig ^= 1;
    for (unsigned i = 0; i < f->history_len; i++)
        if (f->history[i] != '^')
            f->history[i] ^= 'a' ^ 'A';
    history_add(f, '^');
}

/* A side that sends from a well-known port to one that is not is the server's, unless content says
 * otherwise later; only for flows whose first packets were missed. */
static bool looks_like_server(const struct packet *p)
{
    return p->key.port[p->from] < WELL_KNOWN_PORTS && p->key.port[!p->from] >= WELL_KNOWN_PORTS;
}

void conn_begin(struct flow *f, const struct packet *p)
{
    f->start_ns = f->last_ns = p->ts_ns;
    f->orig = p->from;
    if (p->key.proto != IPPROTO_TCP)
        return;
    f->handshake = (p->tcp_flags & TCP_SYN) != 0;
    f->midstream = !f->handshake;
    if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) ||
        (f->midstream && looks_like_server(p)))
        conn_flip(f);
}

static bool side_is_over(const struct flow_end *s)
{
    return s->state == ENDPOINT_CLOSED || s->state == ENDPOINT_RESET;
}

bool conn_is_reused(const struct flow *f, const struct packet *p)
{
    const struct flow_end *s = flow_side_const(f, p->from ^ f->orig);

    if (p->key.proto != IPPROTO_TCP || (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
        return false;
    if (f->end[0].state == ENDPOINT_RESET || f->end[1].state == ENDPOINT_RESET)
        return true;
    if (!side_is_over(&f->end[0]) && !side_is_over(&f->end[1]))
        return false;
    return !s->stream.started || p->tcp_seq + 1 != s->stream.base_seq;
}

static unsigned tcp_syn(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side), *peer = flow_side(f, !side);
    bool ack = p->tcp_flags & TCP_ACK;

    history_sequence(f, side, ack ? 'h' : 's', p->tcp_seq);
    if (s->state == ENDPOINT_INACTIVE || s->state == ENDPOINT_PARTIAL) {
        s->state = ack ? ENDPOINT_SYN_ACK_SENT : ENDPOINT_SYN_SENT;
        if (ack && peer->state == ENDPOINT_SYN_SENT)
            s->state = peer->state = ENDPOINT_ESTABLISHED;
        return 0;
    }
    if (ack && s->state == ENDPOINT_SYN_SENT && peer->state == ENDPOINT_SYN_SENT)
        s->state = peer->state = ENDPOINT_ESTABLISHED; /* simultaneous open */
    return s->stream.started && p->tcp_seq + 1 != s->stream.base_seq && !side_is_over(s)
               ? CONN_SYN_INSIDE
               : 0;
}

static void tcp_plain(struct flow *f, unsigned side)
{
    struct flow_end *s = flow_side(f, side), *peer = flow_side(f, !side);

    if (s->state == ENDPOINT_INACTIVE)
        s->state = ENDPOINT_PARTIAL;
    else if (s->state == ENDPOINT_SYN_SENT && peer->state == ENDPOINT_SYN_ACK_SENT)
        s->state = peer->state = ENDPOINT_ESTABLISHED;
}

/* A side that had sent its FIN before it reset has closed all the same, once its peer closes too.
 */
static void tcp_fin(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side), *peer = flow_side(f, !side);

    history_sequence(f, side, 'f', p->tcp_seq);
    if (s->state != ENDPOINT_RESET)
        s->state = ENDPOINT_CLOSED;
    if (peer->state == ENDPOINT_RESET && (peer->history_seen & history_bit('f')))
        peer->state = ENDPOINT_CLOSED;
}

/* A reset changes nothing for a connection that both have closed, or that shows nothing else. */
static void tcp_rst(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side), *peer = flow_side(f, !side);

    history_sequence(f, side, 'r', p->tcp_seq);
    if (!(side_is_over(s) && side_is_over(peer)) &&
        !(s->state == ENDPOINT_INACTIVE && peer->state == ENDPOINT_INACTIVE))
        s->state = ENDPOINT_RESET;
}

static unsigned tcp_packet(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side);
    uint8_t flags = p->tcp_flags;
    unsigned events = 0;

    if (s->state == ENDPOINT_RESET && p->payload_wire_len > 0 && !(flags & TCP_RST))
        events |= CONN_DATA_AFTER_RST;
    if (flags & TCP_SYN)
        events |= tcp_syn(f, p, side);
    else if (!(flags & (TCP_FIN | TCP_RST)))
        tcp_plain(f, side);
    if (!(flags & (TCP_SYN | TCP_FIN | TCP_RST)) && p->payload_wire_len == 0)
        history_once(f, side, 'a');
    if (p->payload_wire_len > 0)
        history_once(f, side, 'd');
    if (flags & TCP_FIN)
        tcp_fin(f, p, side);
    if (flags & TCP_RST)
        tcp_rst(f, p, side);
    if (flags & (TCP_FIN | TCP_RST))
        events |= CONN_CLOSING;
    if (p->tcp_window == 0 && !(flags & (TCP_SYN | TCP_RST)))
        conn_history_scaled(f, side, SCALED_ZERO_WINDOW);
    return events;
}

unsigned conn_packet(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side);
    unsigned events = s->packets + flow_side(f, !side)->packets == 0 ? CONN_BEGUN : 0;

    s->packets++;
    s->ip_bytes += p->ip_len;
    /* As in Zeek, a connection's duration ends when both sides have closed. */
    if (p->ts_ns >= f->start_ns && !(side_is_over(&f->end[0]) && side_is_over(&f->end[1])))
        f->last_ns = p->ts_ns;
    if (p->key.proto == IPPROTO_TCP)
        return events | tcp_packet(f, p, side);
    s->payload_bytes += p->payload_wire_len;
    s->state = ENDPOINT_ACTIVE;
    if (p->key.proto == IPPROTO_UDP)
        history_once(f, side, 'd');
    return events;
}

uint64_t conn_timeout_ns(const struct flow *f, const struct options *o)
{
    const struct flow_end *a = flow_side_const(f, 0), *b = flow_side_const(f, 1);

    if (f->key.proto == IPPROTO_UDP)
        return o->udp_timeout;
    if (f->key.proto != IPPROTO_TCP)
        return f->log == FLOW_LOG_TUNNEL ? o->tunnel_timeout : o->icmp_timeout;
    if (a->state == ENDPOINT_RESET || b->state == ENDPOINT_RESET ||
        (a->state == ENDPOINT_CLOSED && b->state == ENDPOINT_CLOSED))
        return o->tcp_close_timeout;
    if (a->state == ENDPOINT_SYN_SENT && b->state == ENDPOINT_INACTIVE && a->stream.top == 0)
        return o->tcp_attempt_timeout;
    return o->tcp_timeout;
}

static bool inactive(uint8_t state)
{
    return state == ENDPOINT_INACTIVE || state == ENDPOINT_PARTIAL;
}

static const char *tcp_state_name(const struct flow *f)
{
    uint8_t o = flow_side_const(f, FLOW_ORIG)->state, r = flow_side_const(f, FLOW_RESP)->state;

    if (r == ENDPOINT_RESET) {
        if (o == ENDPOINT_SYN_SENT || o == ENDPOINT_SYN_ACK_SENT ||
            (o == ENDPOINT_RESET && f->end[0].stream.top == 0 && f->end[1].stream.top == 0))
            return "REJ";
        return inactive(o) ? "RSTRH" : "RSTR";
    }
    if (o == ENDPOINT_RESET)
        return inactive(r) ? "RSTOS0" : "RSTO";
    if (o == ENDPOINT_CLOSED && r == ENDPOINT_CLOSED)
        return "SF";
    if (o == ENDPOINT_CLOSED)
        return inactive(r) ? "SH" : "S2";
    if (r == ENDPOINT_CLOSED)
        return inactive(o) ? "SHR" : "S3";
    if (o == ENDPOINT_SYN_SENT && r == ENDPOINT_INACTIVE)
        return "S0";
    if (o == ENDPOINT_ESTABLISHED && r == ENDPOINT_ESTABLISHED)
        return "S1";
    return "OTH";
}

const char *conn_state_name(const struct flow *f)
{
    bool o = flow_side_const(f, FLOW_ORIG)->state == ENDPOINT_ACTIVE;
    bool r = flow_side_const(f, FLOW_RESP)->state == ENDPOINT_ACTIVE;

    if (f->key.proto == IPPROTO_TCP)
        return tcp_state_name(f);
    if (f->key.proto == IPPROTO_UDP)
        return o ? (r ? "SF" : "S0") : (r ? "SHR" : "OTH");
    return "OTH";
}
