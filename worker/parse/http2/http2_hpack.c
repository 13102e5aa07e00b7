/* SPDX-License-Identifier: BSD-3-Clause */
/* HPACK, with and without its history.
 *
 * As long as every block was seen, bytes go straight through nghttp2's inflater, cut as they come.
 *
 * When blocks were missed (joined in the middle, a gap), the entries that they put into the dynamic
 * table are not known. But entries are numbered from the youngest on: those that were inserted
 * since are at the same places in an inflater that began empty, and every reference past them is
 * one to something unknown. So such a block is gathered and taken apart into its representations
 * (RFC 7541 section 6); those that an empty beginning is enough for go through the inflater, and
 * the others are left out. A literal whose name is unknown still takes its place in the table:
 * there it gets a name that no header can have, by which later references to it are recognised.
 *
 * How large the table may be at most the decoder announces (SETTINGS_HEADER_TABLE_SIZE), how large
 * it is the encoder says in the block (section 6.3), not above that. Only the latter matters to one
 * who listens: an encoder that passes the limit fails at its peer. So every update is believed up
 * to HPACK_TABLE_MAX, also when the SETTINGS were not seen, and the entries that a larger table
 * would hold are unknown ones.
 *
 * nghttp2 asks for memory by malloc and free: here they take buffers of the worker, and refuse when
 * the direction has HPACK_MEMORY_MAX. */
#include "worker/parse/http2/http2_hpack.h"

#include "common/base/check.h"
#include "common/base/cursor.h"

#define STATIC_ENTRIES 61u
#define NAME_UNKNOWN   "?"

/* Before each piece of memory: what it is to be given back with. Keeps the alignment of malloc. */
struct piece {
    size_t capacity;
    size_t bytes;
};
_Static_assert(sizeof(struct piece) % _Alignof(max_align_t) == 0, "alignment");

static void piece_free(void *p, void *arg)
{
    struct http2_hpack *h = arg;
    struct piece *piece = p;

    if (!p)
        return;
    piece--;
    h->used_bytes -= piece->capacity;
    bufpool_put(h->bufs, piece, piece->capacity);
}

static void *piece_new(size_t n, void *arg)
{
    struct http2_hpack *h = arg;
    struct piece *piece;
    size_t capacity;

    if (n > BUFPOOL_MAX_BYTES - sizeof *piece || h->used_bytes + n > HPACK_MEMORY_MAX)
        return NULL;
    piece = bufpool_get(h->bufs, n + sizeof *piece, &capacity);
    if (!piece)
        return NULL;
    piece->capacity = capacity;
    piece->bytes = n;
    h->used_bytes += capacity;
    return piece + 1;
}

static void *piece_zeroed(size_t n, size_t size, void *arg)
{
    void *p = size == 0 || n <= BUFPOOL_MAX_BYTES / size ? piece_new(n * size, arg) : NULL;

    if (p)
        memset(p, 0, n * size);
    return p;
}

static void *piece_resize(void *p, size_t n, void *arg)
{
    struct piece *old = p;
    void *grown;

    if (!p)
        return piece_new(n, arg);
    old--;
    if (n + sizeof *old <= old->capacity) {
        old->bytes = n;
        return p;
    }
    grown = piece_new(n, arg);
    if (grown) {
        memcpy(grown, p, old->bytes);
        piece_free(p, arg);
    }
    return grown;
}

static bool inflater_open(struct http2_hpack *h, struct bufpool *bufs)
{
    if (h->inflater)
        return true;
    h->bufs = bufs;
    h->mem = (nghttp2_mem){h, piece_new, piece_free, piece_zeroed, piece_resize};
    if (nghttp2_hd_inflate_new2(&h->inflater, &h->mem) != 0) {
        h->inflater = NULL;
        return false;
    }
    CHECK(nghttp2_hd_inflate_change_table_size(h->inflater, HPACK_TABLE_MAX) == 0);
    return true;
}

static void inflater_close(struct http2_hpack *h)
{
    if (h->inflater)
        nghttp2_hd_inflate_del(h->inflater);
    h->inflater = NULL;
    CHECK(h->used_bytes == 0);
}

void http2_hpack_lose(struct http2_hpack *h)
{
    inflater_close(h);
    if (h->bufs)
        membuf_free(&h->block, h->bufs);
    h->lost = true;
}

void http2_hpack_fini(struct http2_hpack *h)
{
    http2_hpack_lose(h);
}

static bool name_is_unknown(const nghttp2_nv *nv)
{
    return nv->namelen == sizeof NAME_UNKNOWN - 1 &&
           memcmp(nv->name, NAME_UNKNOWN, nv->namelen) == 0;
}

/* Whole representations, or, with a table that is known, any bytes. */
static enum hpack_result inflate(struct http2_hpack *h, const uint8_t *data, size_t len, bool last,
                                 http2_hpack_field *field, void *arg)
{
    enum hpack_result result = HPACK_OK;
    struct cursor c = cursor_init(data, len);

    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n =
            nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, c.p, cursor_left(&c), last ? 1 : 0);

        if (n < 0)
            return HPACK_BROKEN;
        cursor_skip(&c, (size_t)n);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) && name_is_unknown(&nv))
            result = HPACK_UNKNOWN;
        else if (flags & NGHTTP2_HD_INFLATE_EMIT)
            field(arg, str_make(nv.name, nv.namelen), str_make(nv.value, nv.valuelen));
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            (void)nghttp2_hd_inflate_end_headers(h->inflater);
            return result;
        }
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && cursor_left(&c) == 0)
            return last ? HPACK_BROKEN : result;
    }
}

/* --- blocks without their history --- */

/* An integer with a prefix of so many bits (RFC 7541 section 5.1); UINT32_MAX for any larger. */
static uint32_t integer_read(struct cursor *c, unsigned bits)
{
    uint32_t mask = (1u << bits) - 1;
    uint32_t v = cursor_u8(c) & mask;
    uint8_t byte = 0x80;

    if (v < mask)
        return v;
    for (unsigned shift = 0; (byte & 0x80) && cursor_left(c) > 0; shift += 7) {
        byte = cursor_u8(c);
        if (shift > 21)
            v = UINT32_MAX;
        else
            v += (uint32_t)(byte & 0x7f) << shift;
    }
    if (byte & 0x80)
        c->error = true;
    return v;
}

static void string_skip(struct cursor *c)
{
    cursor_skip(c, integer_read(c, 7));
}

static bool index_is_known(const struct http2_hpack *h, uint32_t index)
{
    return index <= STATIC_ENTRIES ||
           index <= nghttp2_hd_inflate_get_num_table_entries(h->inflater);
}

/* A literal that is to be inserted, whose name is not known; value: where its value begins. */
static enum hpack_result insert_nameless(struct http2_hpack *h, const struct cursor *value,
                                         http2_hpack_field *field, void *arg)
{
    static const uint8_t head[] = {0x40, sizeof NAME_UNKNOWN - 1, NAME_UNKNOWN[0]};

    if (inflate(h, head, sizeof head, false, field, arg) == HPACK_BROKEN)
        return HPACK_BROKEN;
    return inflate(h, value->p, cursor_left(value), false, field, arg);
}

/* The representation that c begins with. */
static enum hpack_result representation_read(struct http2_hpack *h, struct cursor *c,
                                             http2_hpack_field *field, void *arg)
{
    const uint8_t *begin = c->p;
    uint8_t first = *begin;
    bool insert = (first & 0xc0) == 0x40;
    struct cursor value;
    uint32_t index;

    if (first & 0x80) {
        index = integer_read(c, 7);
        if (cursor_ok(c) && !index_is_known(h, index))
            return HPACK_UNKNOWN;
    } else if ((first & 0xe0) == 0x20) {
        if (integer_read(c, 5) > HPACK_TABLE_MAX)
            return cursor_ok(c) ? HPACK_OK : HPACK_BROKEN;
    } else {
        index = integer_read(c, insert ? 6 : 4);
        if (index == 0)
            string_skip(c);
        value = *c;
        string_skip(c);
        if (cursor_ok(c) && !index_is_known(h, index)) {
            value.end = c->p;
            return insert ? insert_nameless(h, &value, field, arg) : HPACK_UNKNOWN;
        }
    }
    if (!cursor_ok(c))
        return HPACK_BROKEN;
    return inflate(h, begin, (size_t)(c->p - begin), false, field, arg);
}

static enum hpack_result scattered_read(struct http2_hpack *h, http2_hpack_field *field, void *arg)
{
    struct cursor c = cursor_init(h->block.p ? (const char *)h->block.p : "", h->block.len);
    enum hpack_result result = HPACK_OK;

    while (cursor_left(&c) > 0) {
        enum hpack_result r = representation_read(h, &c, field, arg);

        if (r == HPACK_BROKEN)
            return r;
        if (r == HPACK_UNKNOWN)
            result = r;
    }
    return inflate(h, (const uint8_t *)"", 0, true, field, arg) == HPACK_BROKEN ? HPACK_BROKEN
                                                                                : result;
}

static enum hpack_result scattered_feed(struct http2_hpack *h, const uint8_t *data, size_t len,
                                        bool last, http2_hpack_field *field, void *arg)
{
    enum hpack_result result;

    if (membuf_append(&h->block, h->bufs, data, len, HPACK_SCATTER_MAX) < 0)
        return HPACK_BROKEN;
    if (!last)
        return HPACK_OK;
    result = scattered_read(h, field, arg);
    membuf_free(&h->block, h->bufs);
    return result;
}

enum hpack_result http2_hpack_feed(struct http2_hpack *h, struct bufpool *bufs, const uint8_t *data,
                                   size_t len, bool last, http2_hpack_field *field, void *arg)
{
    enum hpack_result result = HPACK_BROKEN;

    if (inflater_open(h, bufs))
        result = h->lost ? scattered_feed(h, data, len, last, field, arg)
                         : inflate(h, data, len, last, field, arg);
    if (result == HPACK_BROKEN)
        http2_hpack_lose(h);
    return result;
}
