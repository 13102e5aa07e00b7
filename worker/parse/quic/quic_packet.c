/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be read without keys.
 *
 * A long header looks like little: one bit, a version, two connection ids. For a familiar version
 * the lengths that follow must fit the datagram as well. An unfamiliar one is believed only if it
 * is of the greased pattern or if its first packet is laid out like an Initial of version 1 that
 * fills the datagram, since any other random payload would come too close. */
#include "worker/parse/quic/quic_packet.h"

#include "worker/parse/quic/quic_google.h"
#include "worker/parse/quic/quic_protect.h"
#include "worker/parse/quic/quic_varint.h"

static void cid_read(struct cursor *c, size_t len, struct quic_cid *out)
{
    const uint8_t *p = len <= QUIC_CID_BYTES_MAX ? cursor_bytes(c, len) : NULL;

    if (!p) {
        c->error = true;
        return;
    }
    out->len = (uint8_t)len;
    memcpy(out->bytes, p, len);
}

/* Two bits of the first byte (RFC 9000 section 17.2, RFC 9369 section 3.2). */
static enum quic_type type_of(const struct quic_version *v, uint8_t first)
{
    static const enum quic_type v2[4] = {QUIC_RETRY, QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE};
    unsigned bits = first >> 4 & 3;

    return v && v->layout == QUIC_LAYOUT_V2 ? v2[bits] : (enum quic_type)bits;
}

/* Token and length in front of the packet number; the packet ends where the length says. */
static void read_length(struct cursor *c, struct quic_packet *p)
{
    uint64_t length;

    if (p->type == QUIC_INITIAL || p->type == QUIC_UNFAMILIAR) {
        uint64_t token = quic_varint(c);

        p->has_token = token > 0;
        cursor_skip(c, token);
    }
    length = quic_varint(c);
    p->number_at = (size_t)(c->p - p->bytes);
    if (length < QUIC_LENGTH_MIN)
        c->error = true;
    cursor_skip(c, length);
}

/* An unfamiliar version may have kept the layout of version 1. */
static void read_unfamiliar(struct cursor *c, struct quic_packet *p)
{
    struct cursor try = *c;

    read_length(&try, p);
    if (!cursor_ok(&try) || type_of(NULL, p->bytes[0]) != QUIC_INITIAL)
        p->number_at = 0;
    cursor_skip(c, p->number_at > 0 ? (size_t)(try.p - c->p) : cursor_left(c));
}

static void read_versions(struct cursor *c, struct quic_packet *p)
{
    size_t n = cursor_left(c);

    if (n == 0 || n % 4 != 0)
        c->error = true;
    p->versions = cursor_bytes(c, n);
}

/* Lengths of both ids in one byte, coded as 0 or length - 3. */
static void read_q046(struct cursor *c, struct quic_packet *p)
{
    uint8_t lengths = cursor_u8(c);

    cid_read(c, lengths >> 4 ? (lengths >> 4) + 3u : 0, &p->dcid);
    cid_read(c, lengths & 15 ? (lengths & 15) + 3u : 0, &p->scid);
    p->type = type_of(NULL, p->bytes[0]);
    p->number_at = (size_t)(c->p - p->bytes);
    cursor_skip(c, cursor_left(c));
}

bool quic_packet_read(struct cursor *c, struct quic_packet *p)
{
    *p = (struct quic_packet){.bytes = c->p};
    cursor_skip(c, 1);
    p->version = cursor_be32(c);
    p->known = quic_version_find(p->version);
    if (p->known && p->known->layout == QUIC_LAYOUT_Q046) {
        read_q046(c, p);
    } else {
        cid_read(c, cursor_u8(c), &p->dcid);
        cid_read(c, cursor_u8(c), &p->scid);
        if (!cursor_ok(c))
            return false;
        p->type = p->known ? type_of(p->known, p->bytes[0]) : QUIC_UNFAMILIAR;
        if (p->version == QUIC_VERSION_NEGOTIATION) {
            p->type = QUIC_NEGOTIATION;
            read_versions(c, p);
        } else if (!p->known) {
            read_unfamiliar(c, p);
        } else if (p->type == QUIC_RETRY) {
            cursor_skip(c, cursor_left(c));
        } else {
            read_length(c, p);
        }
    }
    if (!cursor_ok(c))
        return false;
    p->len = (size_t)(c->p - p->bytes);
    return true;
}

/* At least one version on offer is one that there is. */
static bool negotiation_is_likely(const struct quic_packet *p)
{
    for (const uint8_t *v = p->versions; v < p->bytes + p->len; v += 4)
        if (quic_version_find(bytes_be32(v)) || quic_version_is_greased(bytes_be32(v)))
            return true;
    return false;
}

/* A client's first Initial can be read with the keys that its own connection id gives. */
static bool opens_by_own_id(const struct quic_packet *p)
{
    struct quic_keys keys;
    struct quic_plain plain;

    if (p->type != QUIC_INITIAL || p->dcid.len < 8 || p->known->layout == QUIC_LAYOUT_Q046)
        return false;
    quic_protect_keys(&keys, p->known, &p->dcid);
    return quic_protect_open(&keys, 0, p, 0, &plain);
}

static enum probe_result initial_sender(const struct quic_packet *p)
{
    if (p->has_token || opens_by_own_id(p))
        return PROBE_CLIENT;
    return p->dcid.len == 0 && p->scid.len > 0 ? PROBE_SERVER : PROBE_EITHER;
}

static enum probe_result probe_known(const struct quic_packet *p)
{
    switch (p->type) {
    case QUIC_INITIAL:
        return initial_sender(p);
    case QUIC_ZERO_RTT:
        return PROBE_CLIENT;
    case QUIC_RETRY:
        return PROBE_SERVER;
    default:
        return PROBE_EITHER;
    }
}

/* Versions without a row still have the header that all versions have (RFC 8999). */
static enum probe_result probe_unfamiliar(const struct quic_packet *p, size_t datagram)
{
    bool enough = datagram >= QUIC_CLIENT_DATAGRAM_BYTES && p->dcid.len >= 8;

    if (!enough || !(p->bytes[0] & QUIC_FIXED_BIT))
        return PROBE_NO;
    if (quic_version_is_greased(p->version) || (p->number_at > 0 && p->len == datagram))
        return PROBE_CLIENT;
    return PROBE_NO;
}

enum probe_result quic_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    struct cursor c = cursor_init(data, len);
    struct quic_packet p;

    (void)transport;
    if (len < QUIC_SHORT_BYTES_MIN)
        return PROBE_NO;
    if (!(data[0] & QUIC_LONG_FORM))
        return quic_google_probe(data, len);
    if (!quic_packet_read(&c, &p))
        return PROBE_NO;
    if (p.type == QUIC_NEGOTIATION)
        return negotiation_is_likely(&p) ? PROBE_SERVER : PROBE_NO;
    if (!p.known)
        return probe_unfamiliar(&p, len);
    if (p.bytes[0] & QUIC_FIXED_BIT)
        return probe_known(&p);
    return opens_by_own_id(&p) ? PROBE_CLIENT : PROBE_NO;
}

/* The fixed bit tells nothing: deployed peers that may leave it out do so at random (RFC 9287). */
bool quic_plausible(const uint8_t *data, size_t len)
{
    return len >= QUIC_SHORT_BYTES_MIN && !(data[0] & QUIC_LONG_FORM);
}
