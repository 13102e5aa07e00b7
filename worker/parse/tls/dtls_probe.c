/* SPDX-License-Identifier: BSD-3-Clause */
/* Is this datagram DTLS? Records give little away each (a content type, a version), so all that
 * they say must fit: a hello whose fragment, record and datagram agree on their lengths, or, in the
 * middle of a connection, records of encrypted data that fill the datagram to its last byte.
 *
 * The readers of record and fragment headers are here too, since the probe is their first user. */
#include "worker/parse/tls/dtls.h"

#include "worker/parse/tls/tls_session.h"

enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, HELLO_VERIFY_REQUEST = 3 };

#define SEQ_EARLY  0x10000u /* no hello's record has a number as high */
#define EPOCH_MAX  16u      /* renegotiations in the middle of a connection that is not known */
#define CIPHER_MIN 16u      /* no encrypted record is shorter: nonce and tag, or padded block */

bool dtls_record_next(struct cursor *c, struct dtls_record *r)
{
    r->content = cursor_u8(c);
    r->version = cursor_be16(c);
    r->epoch = cursor_be16(c);
    r->seq = (uint64_t)cursor_be16(c) << 32;
    r->seq |= cursor_be32(c);
    r->body = cursor_sub(c, cursor_be16(c));
    return cursor_ok(c) && tls_version_is_dtls(r->version) &&
           cursor_left(&r->body) <= TLS_RECORD_BODY_MAX && r->content >= TLS_CHANGE_CIPHER_SPEC &&
           r->content <= TLS_CONTENT_MAX;
}

bool dtls_fragment_next(struct cursor *c, struct dtls_fragment *piece)
{
    piece->type = cursor_u8(c);
    piece->message_len = cursor_be24(c);
    piece->seq = cursor_be16(c);
    piece->at = cursor_be24(c);
    piece->len = cursor_be24(c);
    piece->data = cursor_bytes(c, piece->len);
    return piece->data && piece->at <= piece->message_len &&
           piece->len <= piece->message_len - piece->at;
}

static enum probe_result probe_hello(struct dtls_record *r)
{
    struct dtls_fragment piece;
    struct cursor body;

    if (r->epoch != 0 || r->seq >= SEQ_EARLY || !dtls_fragment_next(&r->body, &piece))
        return PROBE_NO;
    if (piece.at != 0 || piece.seq >= DTLS_SEQ_MAX || piece.message_len > DTLS_MESSAGE_MAX)
        return PROBE_NO;
    body = cursor_init(piece.data, piece.len);
    if (!tls_version_is_dtls(cursor_be16(&body)))
        return PROBE_NO;
    switch (piece.type) {
    case CLIENT_HELLO:
        return PROBE_CLIENT;
    case SERVER_HELLO:
    case HELLO_VERIFY_REQUEST:
        return PROBE_SERVER;
    default:
        return PROBE_NO;
    }
}

static enum probe_result probe_ciphertext(struct cursor c)
{
    struct dtls_record r;

    while (cursor_left(&c) > 0)
        if (!dtls_record_next(&c, &r) || r.content != TLS_APPLICATION_DATA || r.epoch == 0 ||
            r.epoch > EPOCH_MAX || cursor_left(&r.body) < CIPHER_MIN)
            return PROBE_NO;
    return PROBE_EITHER;
}

enum probe_result dtls_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    struct cursor c = cursor_init(data, len);
    struct dtls_record r;

    if (transport != ANALYZER_UDP || len == 0)
        return PROBE_NO;
    if (data[0] == TLS_APPLICATION_DATA)
        return probe_ciphertext(c);
    if (data[0] != TLS_HANDSHAKE || !dtls_record_next(&c, &r))
        return PROBE_NO;
    return probe_hello(&r);
}
