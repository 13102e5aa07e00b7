/* SPDX-License-Identifier: BSD-3-Clause */
/* A list of number, length, value. Which values are numbers themselves only the registry knows; a
 * number that does not fill its value exactly is shown as the bytes that it is. Clients put numbers
 * of the pattern 31 N + 27 among them, so that nobody relies on all being known (RFC 9000 section
 * 18.1): these are shown without their random values. */
#include "worker/parse/quic/quic_parameters.h"

#include "worker/parse/quic/quic_varint.h"

#include <stdio.h>

enum value_kind { VALUE_NUMBER, VALUE_BYTES };

struct name {
    uint64_t id;
    const char *name;
    enum value_kind kind;
};

/* RFC 9000 section 18.2, RFC 9221, RFC 9287, RFC 9368, and what is deployed beside them. */
static const struct name names[] = {
    {0x00, "original_destination_connection_id", VALUE_BYTES},
    {0x01, "max_idle_timeout", VALUE_NUMBER},
    {0x02, "stateless_reset_token", VALUE_BYTES},
    {0x03, "max_udp_payload_size", VALUE_NUMBER},
    {0x04, "initial_max_data", VALUE_NUMBER},
    {0x05, "initial_max_stream_data_bidi_local", VALUE_NUMBER},
    {0x06, "initial_max_stream_data_bidi_remote", VALUE_NUMBER},
    {0x07, "initial_max_stream_data_uni", VALUE_NUMBER},
    {0x08, "initial_max_streams_bidi", VALUE_NUMBER},
    {0x09, "initial_max_streams_uni", VALUE_NUMBER},
    {0x0a, "ack_delay_exponent", VALUE_NUMBER},
    {0x0b, "max_ack_delay", VALUE_NUMBER},
    {0x0c, "disable_active_migration", VALUE_BYTES},
    {0x0d, "preferred_address", VALUE_BYTES},
    {0x0e, "active_connection_id_limit", VALUE_NUMBER},
    {0x0f, "initial_source_connection_id", VALUE_BYTES},
    {0x10, "retry_source_connection_id", VALUE_BYTES},
    {0x11, "version_information", VALUE_BYTES},
    {0x20, "max_datagram_frame_size", VALUE_NUMBER},
    {0x173e, "discard", VALUE_BYTES},
    {0x26ab, "google_handshake_message", VALUE_BYTES},
    {0x2ab2, "grease_quic_bit", VALUE_BYTES},
    {0x3127, "initial_rtt", VALUE_NUMBER},
    {0x3128, "google_connection_options", VALUE_BYTES},
    {0x3129, "user_agent", VALUE_BYTES},
    {0x4752, "google_version", VALUE_BYTES},
    {0xff73db, "version_information", VALUE_BYTES}, /* drafts of RFC 9368 */
    {0xff02de1a, "min_ack_delay", VALUE_NUMBER},    /* drafts of acknowledgement frequency */
    {0xff03de1a, "min_ack_delay", VALUE_NUMBER},
    {0xff04de1b, "min_ack_delay", VALUE_NUMBER},
};

static const struct name *name_find(uint64_t id)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].id == id)
            return &names[i];
    return NULL;
}

static int hex(char *out, size_t room, const uint8_t *p, size_t len)
{
    size_t shown = len < QUIC_PARAMETER_BYTES_SHOWN ? len : QUIC_PARAMETER_BYTES_SHOWN;

    for (size_t i = 0; i < shown && 2 * i + 2 < room; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
    return (int)(2 * shown);
}

/* Returns the length of the text. */
static int format_one(char *out, size_t room, uint64_t id, struct cursor value)
{
    const struct name *n = name_find(id);
    size_t len = cursor_left(&value);
    const uint8_t *bytes = value.p;
    uint64_t number;
    int used;

    if (!n)
        return snprintf(out, room, "0x%llx", (unsigned long long)id);
    if (len == 0)
        return snprintf(out, room, "%s", n->name);
    number = n->kind == VALUE_NUMBER ? quic_varint(&value) : 0;
    if (n->kind == VALUE_NUMBER && cursor_ok(&value) && cursor_left(&value) == 0)
        return snprintf(out, room, "%s=%llu", n->name, (unsigned long long)number);
    used = snprintf(out, room, "%s=", n->name);
    return used + hex(out + used, room - (size_t)used, bytes, len);
}

/* The next parameter of a list; false at its end, or where it is broken. */
static bool parameter_next(struct cursor *c, bool short_form, uint64_t *id, struct cursor *value)
{
    if (cursor_left(c) == 0)
        return false;
    *id = short_form ? cursor_be16(c) : quic_varint(c);
    *value = cursor_sub(c, short_form ? cursor_be16(c) : (size_t)quic_varint(c));
    return cursor_ok(c);
}

static struct cursor parameters_begin(const uint8_t *body, size_t len, bool short_form)
{
    struct cursor c = cursor_init(body, len);

    if (short_form)
        cursor_skip(&c, 2); /* length of all */
    return c;
}

bool quic_parameters_have(const uint8_t *body, size_t len, bool short_form, uint64_t id)
{
    struct cursor c = parameters_begin(body, len, short_form), value;
    uint64_t present;

    while (parameter_next(&c, short_form, &present, &value))
        if (present == id)
            return true;
    return false;
}

void quic_parameters_format(struct quic_parameters *out, const uint8_t *body, size_t len,
                            bool short_form)
{
    enum { ITEM_MAX = 2 * QUIC_PARAMETER_BYTES_SHOWN + 64 }; /* text of the longest */
    struct cursor c = parameters_begin(body, len, short_form), value;
    size_t used = 0;
    uint64_t id;

    out->n = 0;
    while (out->n < QUIC_PARAMETERS_MAX && used + ITEM_MAX <= sizeof out->text &&
           parameter_next(&c, short_form, &id, &value)) {
        int n = format_one(out->text + used, sizeof out->text - used, id, value);

        out->items[out->n++] = str_make(out->text + used, (size_t)n);
        used += (size_t)n;
    }
}
