/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings take most of the time, and almost all of their bytes need nothing: so they are copied
 * eight at a time, and the same eight are asked in parallel whether any of them is a control byte,
 * beyond ASCII, a backslash, or the one more byte that the form cares for. Only at such a byte does
 * the slow path look closer; it passes the byte on if the question was answered too eagerly. */
#include "logger/sink/format.h"

#include "common/base/ipaddr.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#define BYTES_OF(c)  (UINT64_C(0x0101010101010101) * (uint8_t)(c))
#define ESCAPED(esc) (esc), sizeof(esc) - 1

static const char hex_digits[16] = "0123456789abcdef";

/* The decimal digits of v < 100,000,000, with leading zeros, the first one in the lowest byte: two
 * groups of four are halved in parallel, then four of two. Without a branch, since how many digits
 * numbers have is what a processor cannot guess. */
static inline uint64_t eight_digits(uint32_t v)
{
    uint64_t fours = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t high = fours * 10486 >> 20 & UINT64_C(0x7f0000007f); /* each divided by 100 */
    uint64_t twos = high | (fours - high * 100) << 16;
    uint64_t tens = twos * 103 >> 10 & UINT64_C(0x000f000f000f000f); /* each divided by 10 */

    return (tens | (twos - tens * 10) << 8) + BYTES_OF('0');
}

/* Writes 8 bytes, of which the last n digits come first and count. */
static inline char *put_digits(char *p, uint32_t v, unsigned n)
{
    uint64_t digits = htole64(eight_digits(v) >> (64 - 8 * n));

    memcpy(p, &digits, sizeof digits);
    return p + n;
}

static inline unsigned count_digits(uint32_t v)
{
    static const uint32_t power[9] = {0,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
    /* bits * log10(2), which is the number of digits or one less */
    unsigned n = (32 - (unsigned)__builtin_clz(v | 1)) * 1233 >> 12;

    return n + (v >= power[n]);
}

static char *put_uint(char *p, uint64_t v)
{
    const uint32_t group = 100000000;

    if (v >= group) {
        p = put_uint(p, v / group);
        return put_digits(p, (uint32_t)(v % group), 8);
    }
    return put_digits(p, (uint32_t)v, count_digits((uint32_t)v));
}

/* Below 10,000, by one step less than eight_digits. */
static char *put_short(char *p, uint32_t v)
{
    uint32_t high = v * 5243 >> 19; /* divided by 100 */
    uint32_t twos = high | (v - high * 100) << 16;
    uint32_t tens = twos * 103 >> 10 & UINT32_C(0x000f000f); /* each divided by 10 */
    unsigned n = 1 + (v >= 10) + (v >= 100) + (v >= 1000);
    uint32_t digits = (tens | (twos - tens * 10) << 8) + UINT32_C(0x30303030);

    digits = htole32(digits >> (32 - 8 * n));
    memcpy(p, &digits, sizeof digits);
    return p + n;
}

/* Most numbers of a log have one digit, most of the others no more than four. */
char *format_uint(char *p, uint64_t v)
{
    if (v < 10) {
        *p = (char)('0' + v);
        return p + 1;
    }
    return v < 10000 ? put_short(p, (uint32_t)v) : put_uint(p, v);
}

static char *put_micros(char *p, uint64_t us)
{
    p = format_uint(p, us / 1000000);
    *p++ = '.';
    return put_digits(p, (uint32_t)(us % 1000000), 6);
}

static uint64_t round_to_micros(uint64_t ns)
{
    return ns / 1000 + (ns % 1000 >= 500);
}

char *format_time(char *p, uint64_t ns)
{
    return put_micros(p, round_to_micros(ns));
}

char *format_interval(char *p, int64_t ns)
{
    uint64_t us = round_to_micros(ns < 0 ? -(uint64_t)ns : (uint64_t)ns);

    if (ns < 0 && us > 0)
        *p++ = '-';
    return put_micros(p, us);
}

int64_t format_interval_of(const struct value *v)
{
    return v->kind == VALUE_UINT ? (int64_t)v->u : v->i;
}

char *format_double(char *p, double d)
{
    /* The largest double has 309 digits before the dot. */
    int n = snprintf(p, FORMAT_SCALAR_BYTES, "%.6f", d);

    if (isfinite(d))
        while (p[n - 1] == '0' && p[n - 2] != '.')
            n--;
    return p + n;
}

char *format_addr(char *p, struct str bytes)
{
    struct ipaddr a;

    if (bytes.len == 4)
        return p + ipaddr_format_v4((const uint8_t *)bytes.p, p);
    memcpy(a.b, bytes.p, sizeof a.b);
    return p + ipaddr_format(&a, p);
}

/* The high bit of each of the eight bytes that may need care. Borrows and carries may also set that
 * of a byte above one that needs care, never of one below: the lowest is right. */
static inline uint64_t stops_in(uint64_t x, uint64_t extra)
{
    const uint64_t ones = BYTES_OF(1);
    uint64_t below_space = x - BYTES_OF(0x20), from_del = x | (x + ones);
    uint64_t backslash = (x ^ BYTES_OF('\\')) - ones, other = (x ^ extra) - ones;

    return (below_space | from_del | backslash | other) & BYTES_OF(0x80);
}

static inline uint64_t load_word(const char *in)
{
    uint64_t x;

    memcpy(&x, in, sizeof x);
    return le64toh(x);
}

/* The n < 8 bytes at in, at least one, as the low ones of a word, without reading past them. */
static inline uint64_t load_few(const char *in, size_t n)
{
    const uint8_t *p = (const uint8_t *)in;
    uint32_t low, high;

    if (n >= 4) {
        memcpy(&low, in, 4);
        memcpy(&high, in + n - 4, 4);
        return le32toh(low) | (uint64_t)le32toh(high) << (8 * n - 32);
    }
    return p[0] | (uint64_t)p[n / 2] << (n / 2 * 8) | (uint64_t)p[n - 1] << (n * 8 - 8);
}

static inline void store_word(char *out, uint64_t x)
{
    x = htole64(x);
    memcpy(out, &x, sizeof x);
}

/* Copies up to the first byte that may need care. out has 8 bytes more than len. What is left of a
 * longer string at its end is done together with the bytes before it, which need no care. */
static inline size_t copy_plain(char *out, const char *in, size_t len, uint64_t extra)
{
    uint64_t x, stops = 0;
    size_t i = 0;

    if (len < 8) {
        x = load_few(in, len);
        store_word(out, x);
        stops = stops_in(x, extra) & ((UINT64_C(1) << 8 * len) - 1);
        return stops ? (unsigned)__builtin_ctzll(stops) >> 3 : len;
    }
    for (;;) {
        x = load_word(in + i);
        store_word(out + i, x);
        stops = stops_in(x, extra);
        if (stops)
            return i + ((unsigned)__builtin_ctzll(stops) >> 3);
        if (i + 8 == len)
            return len;
        i = i + 16 <= len ? i + 8 : len - 8;
    }
}

/* Bytes of the UTF-8 character at p, 2 to 4; 0 if it is not valid (RFC 3629 section 4). */
static unsigned utf8_length(const uint8_t *p, size_t left)
{
    uint8_t low = 0x80, high = 0xbf;
    unsigned n;

    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if ((p[0] & 0xf0) == 0xe0)
        n = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (left < n)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0; /* else overlong */
    else if (p[0] == 0xed)
        high = 0x9f; /* else a surrogate */
    else if (p[0] == 0xf0)
        low = 0x90; /* else overlong */
    else if (p[0] == 0xf4)
        high = 0x8f; /* else past U+10FFFF */
    if (p[1] < low || p[1] > high)
        return 0;
    for (unsigned i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* Are these the first bytes of a character, and no more? */
static bool utf8_is_cut(const uint8_t *p, size_t left)
{
    size_t n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    for (size_t i = 1; i < left; i++)
        if ((p[i] & 0xc0) != 0x80)
            return false;
    return p[0] >= 0xc2 && p[0] <= 0xf4 && left < n;
}

bool format_is_text(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.p;

    for (size_t i = 0; i < s.len;) {
        unsigned n = p[i] < 0x80 ? 1 : utf8_length(p + i, s.len - i);

        if (p[i] < 0x20 && !strchr("\t\n\r\f", p[i]))
            return false;
        if (p[i] == 0 || p[i] == 0x7f)
            return false;
        if (n == 0)
            return i > 0 && utf8_is_cut(p + i, s.len - i);
        i += n;
    }
    return true;
}

static char *put_text(char *out, const char *text, size_t n)
{
    memcpy(out, text, n);
    return out + n;
}

static char *put_hex(char *out, uint8_t c, enum format_escape how)
{
    if (how != FORMAT_JSON)
        out = put_text(out, ESCAPED("\\x"));
    else if (c >= 0x80)
        out = put_text(out, ESCAPED("\\\\x"));
    else
        out = put_text(out, ESCAPED("\\u00"));
    *out++ = hex_digits[c >> 4];
    *out++ = hex_digits[c & 15];
    return out;
}

/* An ASCII byte that copy_plain stopped at. */
static char *put_ascii(char *out, uint8_t c, enum format_escape how)
{
    if (c == '\\')
        return put_text(out, ESCAPED("\\\\"));
    if (c == ',' && how == FORMAT_TSV_ELEMENT)
        return put_hex(out, c, how);
    if (how == FORMAT_JSON)
        switch (c) {
        case '"':
            return put_text(out, ESCAPED("\\\""));
        case '\b':
            return put_text(out, ESCAPED("\\b"));
        case '\f':
            return put_text(out, ESCAPED("\\f"));
        case '\n':
            return put_text(out, ESCAPED("\\n"));
        case '\r':
            return put_text(out, ESCAPED("\\r"));
        case '\t':
            return put_text(out, ESCAPED("\\t"));
        default:
            break;
        }
    if (c < 0x20 || c == 0x7f)
        return put_hex(out, c, how);
    *out++ = (char)c;
    return out;
}

/* The character at p, one that copy_plain stopped at. Returns how many bytes it has. */
static unsigned put_special(char **out, const char *p, size_t left, enum format_escape how)
{
    const uint8_t *c = (const uint8_t *)p;
    unsigned n;

    if (c[0] < 0x80) {
        *out = put_ascii(*out, c[0], how);
        return 1;
    }
    n = utf8_length(c, left);
    if (n == 0 || (how == FORMAT_TERMINAL && c[0] == 0xc2 && c[1] < 0xa0)) {
        *out = put_hex(*out, c[0], how);
        return 1;
    }
    *out = put_text(*out, p, n);
    return n;
}

/* The byte that the form cares for besides those that all do, eight times. */
static inline uint64_t care_of(enum format_escape how)
{
    static const char extra[] = {[FORMAT_TSV] = '\\',
                                 [FORMAT_TSV_ELEMENT] = ',',
                                 [FORMAT_JSON] = '"',
                                 [FORMAT_TERMINAL] = '\\'};

    return BYTES_OF(extra[how]);
}

char *format_string(char *p, struct str s, enum format_escape how)
{
    uint64_t care = care_of(how);
    size_t i = 0;

    while (i < s.len) {
        size_t n = copy_plain(p, s.p + i, s.len - i, care);

        i += n;
        p += n;
        if (i < s.len)
            i += put_special(&p, s.p + i, s.len - i, how);
    }
    return p;
}

char *format_string_ahead(char *p, struct str s, enum format_escape how)
{
    uint64_t care = care_of(how), stops = 0;
    size_t i = 0;

    while (i < s.len && stops == 0) {
        uint64_t x = load_word(s.p + i);

        store_word(p + i, x);
        stops = stops_in(x, care);
        i += stops ? (unsigned)__builtin_ctzll(stops) >> 3 : 8;
    }
    if (i >= s.len)
        return p + s.len;
    return format_string(p + i, str_make(s.p + i, s.len - i), how);
}

char *format_list(char *p, const char *end, struct cursor *c, enum field_type list, uint32_t n,
                  char *(*element)(char *p, enum field_type type, const struct value *v))
{
    enum field_type type = record_reader_element_type(list);

    for (uint32_t i = 0; i < n; i++) {
        struct value v;

        if (record_reader_value(c, &v) < 0 || v.kind == VALUE_NIL ||
            !record_reader_fits(type, &v) || (size_t)(end - p) < format_room(&v))
            return NULL;
        if (i > 0)
            *p++ = ',';
        p = element(p, type, &v);
    }
    /* cppcheck-suppress returnDanglingLifetime ; p points behind what element wrote, not at v */
    return p;
}

int format_batch(struct outbuf *b, const struct spool_batch *batch,
                 int (*record)(struct outbuf *b, struct cursor *c, enum record_type type,
                               void *context),
                 void *context)
{
    struct cursor c = cursor_init(batch->records, batch->bytes);
    size_t before = b->len;
    int rc = 0;

    outbuf_expect(b, batch->bytes + batch->bytes / 4); /* text is a little longer */
    for (uint32_t i = 0; i < batch->count && rc == 0; i++)
        rc = record(b, &c, batch->type, context);
    if (rc < 0 || cursor_left(&c) > 0 || b->overflow) {
        b->len = before;
        b->overflow = false;
        return -EBADMSG;
    }
    return 0;
}
