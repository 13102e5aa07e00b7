/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/http/http_body.h"

static struct http_entity_headers entity_headers(const struct http_transaction *t, unsigned side)
{
    static const enum http_field fields[2][3] = {
        {HTTP_REQUEST_TYPE, HTTP_REQUEST_ENCODING, HTTP_REQUEST_DISPOSITION},
        {HTTP_RESPONSE_TYPE, HTTP_RESPONSE_ENCODING, HTTP_RESPONSE_DISPOSITION},
    };

    return (struct http_entity_headers){http_field_text(t, fields[side][0]),
                                        http_field_text(t, fields[side][1]),
                                        http_field_text(t, fields[side][2])};
}

struct str http_body_coding(const struct http_transaction *t, unsigned side)
{
    return http_field_text(t, side == 0 ? HTTP_REQUEST_ENCODING : HTTP_RESPONSE_ENCODING);
}

void http_body_data(struct http_transaction *t, struct bufpool *bufs, unsigned side,
                    const uint8_t *data, size_t len, bool whole)
{
    if (!t)
        return;
    t->body_bytes[side] += len;
    if (t->exchange)
        http_exchange_body(t->exchange, bufs, side, http_body_coding(t, side), data, len);
    if (!t->entity[side].settled) {
        struct http_entity_headers h = entity_headers(t, side);

        http_entity_data(&t->entity[side], bufs, &h, data, len, whole);
    }
}

void http_body_gap(struct http_transaction *t, struct bufpool *bufs, unsigned side, uint64_t len)
{
    struct http_entity_headers h;

    if (!t || len == 0)
        return;
    h = entity_headers(t, side);
    t->body_bytes[side] += len;
    t->partial = true;
    http_exchange_gap(t->exchange, side);
    http_entity_gap(&t->entity[side], bufs, &h);
}

void http_body_skip(struct http_transaction *t, unsigned side, uint64_t len)
{
    if (t)
        t->body_bytes[side] += len;
}

bool http_body_is_settled(const struct http_transaction *t, unsigned side)
{
    return !t || (!t->exchange && t->entity[side].settled);
}

void http_body_end(struct http_transaction *t, struct bufpool *bufs, struct http_body_parts *out)
{
    for (unsigned side = 0; side < 2; side++) {
        struct http_entity_headers h;

        out->parts[side].n_mime = out->parts[side].n_filename = 0;
        if (!t->entity[side].begun)
            continue;
        h = entity_headers(t, side);
        http_entity_end(&t->entity[side], bufs, &h);
        http_entity_parts(&t->entity[side], &h, &out->parts[side], out->filename[side]);
    }
}
