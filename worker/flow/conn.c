/* SPDX-License-Identifier: BSD-3-Clause */
/* Zeek's conn_state and history are what analysts read connections by, so states, letters and their
 * conditions are Zeek's, also where they are odd: a SYN that is sent again changes nothing, a FIN
 * closes a side whatever it was in, and a reset after both have closed is no reset.
 *
 * Each side goes its own way through the states of flow.h, moved by its own packets and by what the
 * peer has done; conn_state is read off the pair at the end. A packet that does not fit is an
 * oddity, one bit of the result: the caller tells of them, rarely, off the path of packets that do.
 */
#include "worker/flow/conn.h"

#include "common/base/check.h"
#include "common/schema/category.h"

#include <netinet/in.h>
#include <string.h>

#define WELL_KNOWN_PORTS 1024
#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68

/* How far from what its sender and receiver have said a RST may lie: wide enough for segments that
 * the capture has lost, narrow enough that one in a thousand blind guesses hits it (RFC 5961). */
#define RST_SLACK (INT32_C(1) << 20)

/* Oddities of one packet, a bit each of what conn_packet returns. */
enum odd {
    ODD_SYN_INSIDE,
    ODD_DATA_AFTER_RESET,
    ODD_LAND,
    ODD_CHRISTMAS,
    ODD_INVALID_FLAGS,
    ODD_BAROQUE_SYN,
    ODD_SYN_WITH_DATA,
    ODD_SYN_SEQ_JUMP,
    ODD_SYN_AFTER_CLOSE,
    ODD_SYN_AFTER_RESET,
    ODD_BAD_SYN_ACK,
    ODD_ORIGINATOR_SYN_ACK,
    ODD_DATA_BEFORE_ESTABLISHED,
    ODD_SPLIT_ROUTING,
    ODD_INAPPROPRIATE_FIN,
    ODD_PAYLOAD_CUT,
    ODD_RST_OUT_OF_WINDOW,
};

#define ODD(x) (1u << (CONN_ODDITIES + ODD_##x))

enum weird conn_oddity(unsigned n)
{
    static const uint16_t names[] = {
        [ODD_SYN_INSIDE] = WEIRD_SYN_INSIDE,
        [ODD_DATA_AFTER_RESET] = WEIRD_DATA_AFTER_RESET,
        [ODD_LAND] = WEIRD_LAND,
        [ODD_CHRISTMAS] = WEIRD_TCP_CHRISTMAS,
        [ODD_INVALID_FLAGS] = WEIRD_TCP_INVALID_FLAGS,
        [ODD_BAROQUE_SYN] = WEIRD_BAROQUE_SYN,
        [ODD_SYN_WITH_DATA] = WEIRD_SYN_WITH_DATA,
        [ODD_SYN_SEQ_JUMP] = WEIRD_SYN_SEQ_JUMP,
        [ODD_SYN_AFTER_CLOSE] = WEIRD_SYN_AFTER_CLOSE,
        [ODD_SYN_AFTER_RESET] = WEIRD_SYN_AFTER_RESET,
        [ODD_BAD_SYN_ACK] = WEIRD_BAD_SYN_ACK,
        [ODD_ORIGINATOR_SYN_ACK] = WEIRD_ORIGINATOR_SYN_ACK,
        [ODD_DATA_BEFORE_ESTABLISHED] = WEIRD_DATA_BEFORE_ESTABLISHED,
        [ODD_SPLIT_ROUTING] = WEIRD_SPLIT_ROUTING,
        [ODD_INAPPROPRIATE_FIN] = WEIRD_INAPPROPRIATE_FIN,
        [ODD_PAYLOAD_CUT] = WEIRD_TCP_PAYLOAD_CUT,
        [ODD_RST_OUT_OF_WINDOW] = WEIRD_RST_OUT_OF_WINDOW,
    };

    CHECK(n < sizeof names / sizeof names[0]);
    return (enum weird)names[n];
}

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

/* Another bit for each letter kept in history_seen: a d f h i q r s. */
static uint16_t history_bit(char letter)
{
    return (uint16_t)(1u << (((unsigned)letter ^ (unsigned)letter >> 4) % 16));
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

/* Of the sequence numbers of the last SYN, FIN and RST so many bits are kept, for each. */
#define HISTORY_SEQ_BITS 10u
enum { HISTORY_SYN, HISTORY_FIN, HISTORY_RST };

/* Letters of SYN, FIN and RST: again whenever the sequence number is another one. */
static void history_sequence(struct flow *f, unsigned side, char letter, unsigned which,
                             uint32_t seq)
{
    const uint32_t mask = (1u << HISTORY_SEQ_BITS) - 1;
    struct flow_end *s = flow_side(f, side);
    unsigned shift = which * HISTORY_SEQ_BITS;
    uint32_t mixed = seq * 0x9e3779b1u >> (32 - HISTORY_SEQ_BITS);
    uint16_t bit = history_bit(letter);

    if ((s->history_seen & bit) && (s->history_seq >> shift & mask) == mixed)
        return;
    s->history_seen |= bit;
    s->history_seq = (s->history_seq & ~(mask << shift)) | mixed << shift;
    history_add(f, history_case(side, letter));
}

/* One letter a segment: of what it opens or closes; if it does several at once, that it does; or
 * of what it carries. */
static void history_tcp(struct flow *f, const struct packet *p, unsigned side)
{
    switch (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) {
    case 0:
        if (p->payload_wire_len > 0)
            history_once(f, side, 'd');
        else if (p->tcp_flags & TCP_ACK)
            history_once(f, side, 'a');
        break;
    case TCP_SYN:
        history_sequence(f, side, p->tcp_flags & TCP_ACK ? 'h' : 's', HISTORY_SYN, p->tcp_seq);
        break;
    case TCP_FIN:
        history_sequence(f, side, 'f', HISTORY_FIN, p->tcp_seq + p->payload_wire_len);
        break;
    case TCP_RST:
        history_sequence(f, side, 'r', HISTORY_RST, p->tcp_seq);
        break;
    case TCP_FIN | TCP_RST:
        history_once(f, side, 'i');
        break;
    default:
        history_once(f, side, 'q');
    }
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
    if (f->end[0].packets + f->end[1].packets > 1) {
        history_add(f, '^');
        return;
    }
    /* The first packet has told: as if it had been known before. */
    if (f->history_len > 0 && f->history[0] == '^') {
        memmove(f->history, f->history + 1, --f->history_len);
        return;
    }
    if (f->history_len == FLOW_HISTORY_MAX)
        f->history_len--;
    memmove(f->history + 1, f->history, f->history_len++);
    f->history[0] = '^';
}

/* A side that sends from a well-known port to one that is not is the server's, unless content says
 * otherwise later; only for flows whose first packets were missed. DHCP has a well-known port for
 * its clients, too. */
static bool looks_like_server(const struct packet *p)
{
    uint16_t from = p->key.port[p->from], to = p->key.port[!p->from];

    return from < WELL_KNOWN_PORTS &&
           (to >= WELL_KNOWN_PORTS ||
            (p->key.proto == IPPROTO_UDP && from == DHCP_SERVER_PORT && to == DHCP_CLIENT_PORT));
}

void conn_begin(struct flow *f, const struct packet *p)
{
    f->start_ns = f->last_ns = p->ts_ns;
    f->orig = p->from;
    if (p->key.proto != IPPROTO_TCP) {
        if (p->key.proto == IPPROTO_UDP && looks_like_server(p))
            conn_flip(f);
        return;
    }
    f->handshake = (p->tcp_flags & TCP_SYN) != 0;
    f->midstream = !f->handshake;
    if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) ||
        (f->midstream && looks_like_server(p)))
        conn_flip(f);
}

static bool inactive(uint8_t state)
{
    return state == ENDPOINT_INACTIVE || state == ENDPOINT_PARTIAL;
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

/* What is odd about a SYN by itself. */
static unsigned syn_oddities(const struct packet *p)
{
    unsigned odd = 0;

    if (p->tcp_flags & TCP_RST)
        odd |= ODD(CHRISTMAS);
    if (p->tcp_flags & TCP_URG)
        odd |= ODD(BAROQUE_SYN);
    if (p->payload_wire_len > 0)
        odd |= ODD(SYN_WITH_DATA);
    return odd;
}

/* A SYN of a side that has sent something before. */
static unsigned syn_again(const struct flow_end *s, const struct packet *p)
{
    unsigned odd = 0;

    if (s->state == ENDPOINT_RESET)
        return ODD(SYN_AFTER_RESET);
    if (s->state == ENDPOINT_CLOSED)
        return ODD(SYN_AFTER_CLOSE);
    if (!s->stream.started || p->tcp_seq + 1 == s->stream.base_seq)
        return 0;
    odd = ODD(SYN_SEQ_JUMP);
    if (s->stream.top > 0)
        odd |= ODD(SYN_INSIDE);
    return odd;
}

/* A SYN-ACK is for the SYN, or for it and the payload that came with it. */
static bool syn_ack_fits(const struct flow_end *peer, const struct packet *p)
{
    return !peer->stream.started || p->tcp_ack - peer->stream.base_seq <= peer->stream.top;
}

static unsigned tcp_syn(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side), *peer = flow_side(f, !side);
    bool ack = p->tcp_flags & TCP_ACK;
    unsigned odd = syn_oddities(p);

    if (s->state == ENDPOINT_INACTIVE || s->state == ENDPOINT_PARTIAL) {
        if (ack && peer->state == ENDPOINT_INACTIVE && s->packets == 1)
            odd |= ODD(ORIGINATOR_SYN_ACK);
        if (ack && peer->state == ENDPOINT_SYN_SENT && !syn_ack_fits(peer, p))
            odd |= ODD(BAD_SYN_ACK);
        s->state = ack ? ENDPOINT_SYN_ACK_SENT : ENDPOINT_SYN_SENT;
        if (ack && peer->state == ENDPOINT_SYN_SENT)
            s->state = peer->state = ENDPOINT_ESTABLISHED;
        return odd;
    }
    if (ack && s->state == ENDPOINT_SYN_SENT && peer->state == ENDPOINT_SYN_SENT)
        s->state = peer->state = ENDPOINT_ESTABLISHED; /* simultaneous open */
    return odd | syn_again(s, p);
}

static unsigned tcp_plain(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side), *peer = flow_side(f, !side);
    unsigned odd = 0;

    if (s->state == ENDPOINT_INACTIVE) {
        if (peer->state == ENDPOINT_SYN_SENT && p->payload_wire_len > 0)
            odd = ODD(DATA_BEFORE_ESTABLISHED);
        s->state = ENDPOINT_PARTIAL;
    } else if (s->state == ENDPOINT_SYN_SENT && peer->state == ENDPOINT_SYN_ACK_SENT) {
        s->state = peer->state = ENDPOINT_ESTABLISHED;
    } else if (s->state == ENDPOINT_SYN_SENT && peer->state == ENDPOINT_INACTIVE) {
        odd = p->payload_wire_len > 0 ? ODD(DATA_BEFORE_ESTABLISHED) : ODD(SPLIT_ROUTING);
    }
    return odd;
}

/* A side that had sent its FIN before it reset has closed all the same, once its peer closes too.
 */
static unsigned tcp_fin(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side), *peer = flow_side(f, !side);
    bool early = s->state == ENDPOINT_SYN_SENT && peer->state == ENDPOINT_INACTIVE &&
                 !(p->tcp_flags & TCP_SYN);

    if (s->state != ENDPOINT_RESET)
        s->state = ENDPOINT_CLOSED;
    if (peer->state == ENDPOINT_RESET && (peer->history_seen & history_bit('f')))
        peer->state = ENDPOINT_CLOSED;
    return early ? ODD(INAPPROPRIATE_FIN) : 0;
}

/* Whether the peer would take a RST with this sequence number: one near what it has acknowledged
 * and what the sender has sent; or what it acknowledged of an older connection, in answer to a SYN
 * (RFC 9293 section 3.5.1). Of a sender of whom nothing else is known, anything is believed. */
static bool rst_is_believed(const struct flow_end *s, const struct packet *p)
{
    const struct stream *t = &s->stream;
    uint64_t top = t->acked > t->top ? t->acked : t->top;
    int32_t ahead = (int32_t)(p->tcp_seq - (t->base_seq + (uint32_t)top));

    return !t->started || (top == 0 && p->tcp_seq == t->far_seq) ||
           (ahead <= RST_SLACK && ahead >= -(int64_t)(top - t->acked) - RST_SLACK);
}

/* A reset changes nothing for a connection that both have closed, nor for one of which nothing
 * shows that its originator took part in it. */
static unsigned tcp_rst(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side), *peer = flow_side(f, !side);

    if (!rst_is_believed(s, p))
        return ODD(RST_OUT_OF_WINDOW) | CONN_RST_IGNORED;
    if (!(side_is_over(s) && side_is_over(peer)) &&
        !(side == FLOW_ORIG && s->state == ENDPOINT_INACTIVE && inactive(peer->state)))
        s->state = ENDPOINT_RESET;
    return 0;
}

/* Flags that no stack sends together, as scanners and testers of firewalls do. */
static bool flags_are_invalid(uint8_t flags)
{
    flags &= TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG;
    return flags == 0 || flags == (TCP_FIN | TCP_PSH | TCP_URG) ||
           (flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN);
}

/* What nearly every packet is: data, or an acknowledgement, neither the first one, of a connection
 * that is established. It tells nothing new. */
static bool tcp_is_ordinary(const struct flow_end *s, const struct packet *p)
{
    uint16_t letter = history_bit(p->payload_wire_len > 0 ? 'd' : 'a');

    return (p->tcp_flags & ~TCP_PSH) == TCP_ACK && s->state == ENDPOINT_ESTABLISHED &&
           (s->history_seen & letter) && p->tcp_window > 0 && !p->payload_cut;
}

static __attribute__((noinline)) unsigned tcp_packet(struct flow *f, const struct packet *p,
                                                     unsigned side)
{
    struct flow_end *s = flow_side(f, side);
    uint8_t flags = p->tcp_flags;
    unsigned events = 0;

    if (flags_are_invalid(flags))
        events = ODD(INVALID_FLAGS);
    if (s->state == ENDPOINT_RESET && p->payload_wire_len > 0 && !(flags & TCP_RST))
        events |= ODD(DATA_AFTER_RESET);
    if (p->payload_cut && p->payload_wire_len > 0)
        events |= ODD(PAYLOAD_CUT);
    if (flags & TCP_SYN)
        events |= tcp_syn(f, p, side);
    else if (!(flags & (TCP_FIN | TCP_RST)))
        events |= tcp_plain(f, p, side);
    if (flags & TCP_FIN)
        events |= tcp_fin(f, p, side);
    if (flags & TCP_RST)
        events |= tcp_rst(f, p, side);
    if (!(events & CONN_RST_IGNORED))
        history_tcp(f, p, side);
    if (flags & (TCP_FIN | TCP_RST))
        events |= CONN_CLOSING;
    if (p->tcp_window == 0 && !(flags & (TCP_SYN | TCP_RST)))
        conn_history_scaled(f, side, SCALED_ZERO_WINDOW);
    return events;
}

/* LAND: the target is to answer itself. On its own loopback a host may do that. */
static bool is_land(const struct flow_key *key)
{
    static const struct ipaddr loopback6 = {{[15] = 1}};

    return key->port[0] == key->port[1] &&
           (key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP) &&
           memcmp(&key->addr[0], &key->addr[1], sizeof key->addr[0]) == 0 &&
           memcmp(&key->addr[0], &loopback6, sizeof loopback6) != 0 &&
           !(ipaddr_is_v4(&key->addr[0]) && key->addr[0].b[12] == 127);
}

unsigned conn_packet(struct flow *f, const struct packet *p, unsigned side)
{
    struct flow_end *s = flow_side(f, side);
    unsigned events = 0;

    if (s->packets + flow_side(f, !side)->packets == 0)
        events = is_land(&f->key) ? CONN_BEGUN | ODD(LAND) : CONN_BEGUN;
    s->packets++;
    s->ip_bytes += p->ip_len;
    /* As in Zeek, a connection's duration ends when both sides have closed. */
    if ((p->ts_ns >= f->last_ns || p->ts_ns >= f->start_ns) &&
        !(side_is_over(&f->end[0]) && side_is_over(&f->end[1])))
        f->last_ns = p->ts_ns;
    if (p->key.proto == IPPROTO_TCP)
        return tcp_is_ordinary(s, p) ? events : events | tcp_packet(f, p, side);
    s->payload_bytes += p->payload_wire_len;
    s->state = ENDPOINT_ACTIVE;
    if (p->key.proto == IPPROTO_UDP)
        history_once(f, side, 'd');
    return events;
}

static void unseen_tcp(struct flow *f, const struct capture_unseen *u, unsigned end)
{
    unsigned side = end ^ f->orig;

    if (f->end[end].state == ENDPOINT_INACTIVE)
        f->end[end].state = ENDPOINT_PARTIAL;
    if (u->has_ack[end])
        history_once(f, side, 'a');
    if (u->payload_bytes[end] > 0)
        history_once(f, side, 'd');
    for (uint32_t i = 0; i < u->resent[end] && f->end[end].scaled[SCALED_RETRANSMIT] < UINT16_MAX;
         i++)
        conn_history_scaled(f, side, SCALED_RETRANSMIT);
    for (uint32_t i = 0;
         i < u->zero_windows[end] && f->end[end].scaled[SCALED_ZERO_WINDOW] < UINT16_MAX; i++)
        conn_history_scaled(f, side, SCALED_ZERO_WINDOW);
}

void conn_unseen(struct flow *f, const struct capture_unseen *u)
{
    for (unsigned end = 0; end < 2; end++) {
        struct flow_end *e = &f->end[end];

        if (u->packets[end] == 0)
            continue;
        e->packets += u->packets[end];
        e->ip_bytes += u->ip_bytes[end];
        if (f->key.proto == IPPROTO_TCP) {
            unseen_tcp(f, u, end);
            continue;
        }
        e->payload_bytes += u->payload_bytes[end];
        e->state = ENDPOINT_ACTIVE;
        if (f->key.proto == IPPROTO_UDP)
            history_once(f, end ^ f->orig, 'd');
    }
    if (u->last_ns > f->last_ns && !(side_is_over(&f->end[0]) && side_is_over(&f->end[1])))
        f->last_ns = u->last_ns;
}

enum conn_attempt conn_attempt(const struct flow *f)
{
    const struct flow_end *o = flow_side_const(f, FLOW_ORIG), *r = flow_side_const(f, FLOW_RESP);
    uint16_t went_on = history_bit('a') | history_bit('d');

    if (f->key.proto != IPPROTO_TCP || !(o->history_seen & history_bit('s')) ||
        (o->history_seen & went_on))
        return CONN_ATTEMPT_NONE;
    if (r->state == ENDPOINT_RESET && !(r->history_seen & history_bit('h')))
        return CONN_ATTEMPT_REJECTED;
    return CONN_ATTEMPT_HALF_OPEN;
}

/* It has closed, or nothing is seen of it: then it is not waited for. */
static bool is_done(const struct flow_end *e)
{
    return e->state == ENDPOINT_CLOSED || e->state == ENDPOINT_INACTIVE;
}

uint64_t conn_timeout_ns(const struct flow *f, const struct options *o)
{
    const struct flow_end *a = flow_side_const(f, 0), *b = flow_side_const(f, 1);

    if (f->key.proto == IPPROTO_UDP)
        return f->category == CATEGORY_dns ? o->dns_timeout : o->udp_timeout;
    if (f->key.proto != IPPROTO_TCP)
        return f->log == FLOW_LOG_TUNNEL ? o->tunnel_timeout : o->icmp_timeout;
    if (a->state == ENDPOINT_RESET || b->state == ENDPOINT_RESET || (is_done(a) && is_done(b)))
        return o->tcp_close_timeout;
    if (a->state == ENDPOINT_SYN_SENT && b->state == ENDPOINT_INACTIVE && a->stream.top == 0)
        return o->tcp_attempt_timeout;
    return o->tcp_timeout;
}

uint64_t conn_timeout_min_ns(const struct options *o)
{
    const uint64_t all[] = {o->udp_timeout,    o->dns_timeout,       o->icmp_timeout,
                            o->tunnel_timeout, o->tcp_close_timeout, o->tcp_attempt_timeout,
                            o->tcp_timeout};
    uint64_t min = all[0];

    for (size_t i = 1; i < sizeof all / sizeof all[0]; i++)
        min = all[i] < min ? all[i] : min;
    return min;
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
    if (o == ENDPOINT_SYN_SENT && inactive(r))
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
