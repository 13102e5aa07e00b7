/* SPDX-License-Identifier: BSD-3-Clause */
/*   Alt-Svc       = "clear" / 1#( protocol-id "=" alt-authority *( OWS ";" OWS parameter ) )
 *   alt-authority = quoted-string: [ uri-host ] ":" port
 *   parameter     = token "=" ( token / quoted-string )
 *
 * The list may have empty elements (RFC 9110 section 5.6.1). Servers write a ";" with nothing after
 * it; that is let pass. Everything else that is wrong costs the item in which it stands: reading
 * goes on after the next comma that is in no quoted string.
 *
 * "clear" beside other items wins over them (section 3). Its case matters. */
#include "worker/learn/alt_svc_value.h"

#include "common/base/cursor.h"

/* What is next without taking it; 0 at the end. */
static uint8_t peek(const struct cursor *c)
{
    return cursor_left(c) > 0 ? *c->p : 0;
}

static bool take_byte(struct cursor *c, uint8_t want)
{
    if (peek(c) != want)
        return false;
    cursor_skip(c, 1);
    return true;
}

static void skip_ows(struct cursor *c)
{
    while (peek(c) == ' ' || peek(c) == '\t')
        cursor_skip(c, 1);
}

static bool is_alnum(uint8_t b)
{
    return (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z');
}

/* RFC 9110 section 5.6.2. */
static bool is_tchar(uint8_t b)
{
    return is_alnum(b) || (b > 0x20 && b < 0x7f && memchr("!#$%&'*+-.^_`|~", b, 15));
}

static struct str take_token(struct cursor *c)
{
    const uint8_t *from = c->p;

    while (cursor_left(c) > 0 && is_tchar(*c->p))
        cursor_skip(c, 1);
    return str_make(from, (size_t)(c->p - from));
}

/* A quoted-string without quotes and backslashes into room[max]. False if there is none, or it is
 * not closed, or too long. */
static bool take_quoted(struct cursor *c, char *room, size_t max, struct str *out)
{
    size_t n = 0;
    uint8_t b;

    if (!take_byte(c, '"'))
        return false;
    while ((b = cursor_u8(c)) != '"' && cursor_ok(c)) {
        if (b == '\\')
            b = cursor_u8(c);
        if (n < max)
            room[n] = (char)b;
        n++;
    }
    *out = str_make(room, n);
    return cursor_ok(c) && n <= max;
}

static int hex_value(uint8_t b)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    return (b | 0x20) >= 'a' && (b | 0x20) <= 'f' ? (b | 0x20) - 'a' + 10 : -1;
}

static bool put(struct alt_svc_value *v, uint8_t b)
{
    if (v->room_used == sizeof v->room)
        return false;
    v->room[v->room_used++] = (char)b;
    return true;
}

/* The ALPN name, percent-decoded (section 3: any byte may be written so). */
static bool protocol_read(struct alt_svc_value *v, struct str token, struct str *out)
{
    size_t from = v->room_used;

    for (uint32_t i = 0; i < token.len; i++) {
        uint8_t b = (uint8_t)token.p[i];

        if (b == '%') {
            int hi = i + 2 < token.len ? hex_value((uint8_t)token.p[i + 1]) : -1;
            int lo = i + 2 < token.len ? hex_value((uint8_t)token.p[i + 2]) : -1;

            if (hi < 0 || lo < 0)
                return false;
            b = (uint8_t)(hi << 4 | lo);
            i += 2;
        }
        if (!put(v, b))
            return false;
    }
    *out = str_make(v->room + from, v->room_used - from);
    return out->len > 0 && out->len <= ALT_SVC_PROTOCOL_MAX;
}

static bool digits_read(struct str s, uint64_t max, uint64_t *out)
{
    *out = 0;
    for (uint32_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (*out <= max)
            *out = *out * 10 + (uint64_t)(s.p[i] - '0');
    }
    return s.len > 0;
}

/* A name or IPv4 address; what no resolver would take is refused, so that it reaches no log as if
 * it were a host. */
static bool is_name(struct str host)
{
    for (uint32_t i = 0; i < host.len; i++)
        if (!is_alnum((uint8_t)host.p[i]) && !memchr("-._~", host.p[i], 4))
            return false;
    return host.len > 0;
}

static bool host_read(struct alt_svc_value *v, struct str host, struct str *out)
{
    size_t from = v->room_used;
    struct ipaddr unused;

    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']') {
        host = str_make(host.p + 1, host.len - 2);
        if (!alt_svc_literal(host, &unused) || !memchr(host.p, ':', host.len))
            return false;
    } else if (host.len > 0 && !is_name(host)) {
        return false;
    }
    if (host.len > 1 && host.p[host.len - 1] == '.')
        host.len--;
    for (uint32_t i = 0; i < host.len; i++)
        if (!put(v, (uint8_t)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] | 0x20 : host.p[i])))
            return false;
    *out = str_make(v->room + from, v->room_used - from);
    return out->len <= ALT_SVC_HOST_MAX;
}

static bool authority_read(struct alt_svc_value *v, struct cursor *c, struct alt_svc_service *s)
{
    char room[ALT_SVC_HOST_MAX + sizeof "[]:65535"];
    struct str text;
    uint64_t port;
    uint32_t colon;

    if (!take_quoted(c, room, sizeof room, &text))
        return false;
    for (colon = text.len; colon > 0 && text.p[colon - 1] != ':';)
        colon--;
    if (colon == 0 || !digits_read(str_make(text.p + colon, text.len - colon), UINT16_MAX, &port) ||
        port == 0 || port > UINT16_MAX)
        return false;
    s->port = (uint16_t)port;
    return host_read(v, str_make(text.p, colon - 1), &s->host);
}

static bool name_is(struct str name, const char *want)
{
    uint32_t n = (uint32_t)strlen(want);

    for (uint32_t i = 0; i < n && name.len == n; i++)
        if ((name.p[i] | 0x20) != want[i])
            return false;
    return name.len == n;
}

/* One parameter. Those that are not known are passed over, "persist" unless it is 1, too
 * (section 3.1). */
static bool parameter_read(struct cursor *c, struct alt_svc_service *s)
{
    char room[256];
    struct str name = take_token(c), value;
    uint64_t age;

    if (name.len == 0 || !take_byte(c, '='))
        return false;
    if (peek(c) == '"') {
        bool fits = take_quoted(c, room, sizeof room, &value);

        if (!cursor_ok(c))
            return false;
        if (!fits)
            value.len = 0; /* longer than any value that means something here */
    } else {
        value = take_token(c);
        if (value.len == 0)
            return false;
    }
    if (name_is(name, "ma")) {
        if (!digits_read(value, ALT_SVC_MAX_AGE_S, &age))
            return false;
        s->max_age_s = age < ALT_SVC_MAX_AGE_S ? (uint32_t)age : ALT_SVC_MAX_AGE_S;
    } else if (name_is(name, "persist")) {
        s->persist = str_equal(value, STR_LIT("1"));
    }
    return true;
}

static bool service_read(struct alt_svc_value *v, struct cursor *c, struct str protocol,
                         struct alt_svc_service *s)
{
    *s = (struct alt_svc_service){.max_age_s = ALT_SVC_VALUE_DEFAULT_AGE_S};
    if (!take_byte(c, '=') || !protocol_read(v, protocol, &s->protocol) || !authority_read(v, c, s))
        return false;
    skip_ows(c);
    while (take_byte(c, ';')) {
        skip_ows(c);
        if (is_tchar(peek(c)) && !parameter_read(c, s))
            return false;
        skip_ows(c);
    }
    return cursor_left(c) == 0 || peek(c) == ',';
}

/* To the next comma that separates items. */
static void item_skip(struct cursor *c)
{
    char room[1];
    struct str unused;

    while (cursor_left(c) > 0 && peek(c) != ',') {
        if (peek(c) == '"')
            (void)take_quoted(c, room, sizeof room, &unused);
        else
            cursor_skip(c, 1);
    }
}

/* Keeps what was read. False if there is no room for one more. */
static bool service_keep(struct alt_svc_value *v, const struct alt_svc_service *s)
{
    if (v->n == ALT_SVC_SERVICES_MAX)
        return false;
    v->services[v->n++] = *s;
    return true;
}

void alt_svc_value_parse(struct str value, struct alt_svc_value *out)
{
    struct cursor c = cursor_init(value.p, value.len);
    struct alt_svc_service s;

    out->clear = out->bad = false;
    out->n = 0;
    out->room_used = 0;
    for (;;) {
        const uint8_t *item;
        size_t room_used = out->room_used;
        struct str word;

        while (peek(&c) == ',' || peek(&c) == ' ' || peek(&c) == '\t')
            cursor_skip(&c, 1);
        if (cursor_left(&c) == 0)
            break;
        item = c.p;
        word = take_token(&c);
        skip_ows(&c);
        if (str_equal(word, STR_LIT("clear")) && (cursor_left(&c) == 0 || peek(&c) == ',')) {
            out->clear = true;
            continue;
        }
        c.p = item + word.len;
        if (service_read(out, &c, word, &s) && service_keep(out, &s))
            continue;
        out->bad = true;
        out->room_used = room_used;
        item_skip(&c);
    }
    if (value.len == 0 || (out->clear && out->n > 0) || (out->n == 0 && !out->clear))
        out->bad = true;
    if (out->clear)
        out->n = 0;
}
