/* SPDX-License-Identifier: BSD-3-Clause */
/* Secrets are spans of a text, found one after the other; all but they is copied. Nearly every text
 * has none, which a few calls of memchr tell of most.
 *
 * Parameters are in queries, in fragments, by which tokens are handed to a page's script, and in
 * segments of the path (RFC 3986 section 3.3), where servers keep sessions without cookies.
 *
 * Where it is not clear how far a secret reads, more is taken rather than less: the value of a
 * parameter goes on to the next '&', in a path to the end of the segment, though some servers end
 * it at ';'. A user name that stands
 * alone before a host goes, too: it is often a token. Names are compared as servers read them,
 * percent-decoded, and of "user[password]" the last part counts.
 *
 * Options are read as they are written: lists are short, mostly empty, and asked about seldom. */
#include "worker/parse/http/http_redact.h"

#include <ctype.h>
#include <strings.h>

#define NAME_MAX_BYTES 128u /* of a longer name of a parameter the end is looked at */
#define QUERY_ENDS     "&"  /* what ends the value of a parameter */
#define PATH_ENDS      "/?#"

struct span {
    size_t from, to;
};

/* A zero byte is none of them. */
static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

static bool names_equal(const char *a, size_t a_len, struct str b)
{
    return a_len == b.len && strncasecmp(a, b.p, a_len) == 0;
}

bool http_redact_listed(const char *list, struct str name)
{
    while (*list != '\0') {
        size_t n;

        list += strspn(list, ", \t");
        n = strcspn(list, ", \t");
        if (n > 0 && names_equal(list, n, name))
            return true;
        list += n;
    }
    return false;
}

bool http_redact_header(const struct options *o, struct str name)
{
    static const struct str always[] = {
        STR_LIT("authorization"),
        STR_LIT("proxy-authorization"),
        STR_LIT("cookie"),
        STR_LIT("set-cookie"),
    };

    if (o->log_secrets)
        return false;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (names_equal(always[i].p, always[i].len, name))
            return true;
    return o->redact_headers[0] != '\0' && http_redact_listed(o->redact_headers, name);
}

/* Does redact_parameters name it? */
static bool parameter_is_secret(const struct options *o, struct str name)
{
    char decoded[NAME_MAX_BYTES];
    struct str s = {decoded, 0}, part;
    bool whole = name.len <= sizeof decoded;
    const char *open;

    if (name.len == 0)
        return false;
    if (!whole)
        name = str_make(name.p + name.len - sizeof decoded, sizeof decoded);
    memcpy(decoded, name.p, name.len);
    s.len = (uint32_t)str_percent_decode(decoded, name.len);
    if (whole && http_redact_listed(o->redact_parameters, s))
        return true;
    open = s.p[s.len - 1] == ']' ? memrchr(s.p, '[', s.len) : NULL;
    if (!open)
        return false;
    part = str_make(open + 1, (size_t)(s.p + s.len - 1 - (open + 1)));
    return part.len > 0 && http_redact_listed(o->redact_parameters, part);
}

/* What is to be hidden of the user information of the authority that begins at `at`. */
static bool userinfo_find(struct str s, size_t at, bool in_query, struct span *out)
{
    size_t sign = 0, colon = 0;

    for (size_t i = at; i < s.len && !is_one_of(s.p[i], "/?# \"<>"); i++) {
        if (in_query && s.p[i] == '&')
            break;
        if (s.p[i] == '@')
            sign = i;
        else if (s.p[i] == ':' && colon == 0 && sign == 0)
            colon = i;
    }
    if (sign == 0)
        return false;
    *out = (struct span){colon > 0 ? colon + 1 : at, sign};
    return out->from < out->to;
}

/* The value of the parameter that begins at `at`, if it is secret; ends: what is behind it. */
static bool parameter_find(const struct options *o, struct str s, size_t at, const char *ends,
                           struct span *out)
{
    size_t eq = at, end;

    while (eq < s.len && s.p[eq] != '=' && !is_one_of(s.p[eq], "&;?# ") &&
           !is_one_of(s.p[eq], ends))
        eq++;
    if (eq == s.len || s.p[eq] != '=' || !parameter_is_secret(o, str_make(s.p + at, eq - at)))
        return false;
    for (end = eq + 1; end < s.len && !is_one_of(s.p[end], ends); end++)
        continue;
    *out = (struct span){eq + 1, end};
    return out->from < out->to;
}

/* The next secret of a URI from `at` on, where no authority or parameter is under way. */
static bool uri_find(const struct options *o, enum http_redact_form form, struct str s, size_t at,
                     bool *in_query, struct span *out)
{
    if (at == 0 && form == HTTP_REDACT_FORM) {
        *in_query = true;
        if (parameter_find(o, s, 0, QUERY_ENDS, out))
            return true;
    }
    if (at == 0 && form == HTTP_REDACT_AUTHORITY && userinfo_find(s, 0, false, out))
        return true;
    for (size_t i = at; i < s.len; i++) {
        char c = s.p[i];

        if (c == '/' && i + 1 < s.len && s.p[i + 1] == '/' && (i == 0 || s.p[i - 1] == ':') &&
            userinfo_find(s, i + 2, *in_query, out))
            return true;
        *in_query |= c == '?' || c == '#';
        if (is_one_of(c, *in_query ? "?#&;" : ";") &&
            parameter_find(o, s, i + 1, *in_query ? QUERY_ENDS : PATH_ENDS, out))
            return true;
    }
    return false;
}

/* Position behind the string that begins, with its quote, at `at`. */
static size_t json_string_end(struct str s, size_t at)
{
    size_t i = at + 1;

    while (i < s.len && s.p[i] != '"')
        i += s.p[i] == '\\' ? 2 : 1;
    return i < s.len ? i + 1 : s.len;
}

static size_t json_skip_blanks(struct str s, size_t at)
{
    while (at < s.len && isspace((unsigned char)s.p[at]))
        at++;
    return at;
}

/* The value at `at`: a string with its quotes, else up to what ends a value. Lists and objects are
 * looked into by the caller. */
static bool json_value_find(struct str s, size_t at, struct span *out)
{
    size_t end = at;

    if (at == s.len || s.p[at] == '{' || s.p[at] == '[')
        return false;
    if (s.p[at] == '"')
        end = json_string_end(s, at);
    else
        while (end < s.len && !is_one_of(s.p[end], ",}]"))
            end++;
    *out = (struct span){at, end};
    return out->from < out->to;
}

static bool json_find(const struct options *o, struct str s, size_t at, struct span *out)
{
    while (at < s.len) {
        const char *quote = memchr(s.p + at, '"', s.len - at);
        size_t begin, end, value;

        if (!quote)
            return false;
        begin = (size_t)(quote - s.p);
        end = json_string_end(s, begin);
        value = json_skip_blanks(s, end);
        at = end;
        if (value < s.len && s.p[value] == ':' && end - begin > 2 &&
            parameter_is_secret(o, str_make(quote + 1, end - begin - 2)) &&
            json_value_find(s, json_skip_blanks(s, value + 1), out))
            return true;
    }
    return false;
}

/* The value of the parameter "name" of a part's Content-Disposition, and where to go on; `at` is
 * behind its '='. */
static struct str part_name(struct str s, size_t *at)
{
    bool quoted = *at < s.len && s.p[*at] == '"';
    size_t begin = *at + quoted, end = begin;

    while (end < s.len && (quoted ? s.p[end] != '"' : !is_one_of(s.p[end], "; \t\r\n")))
        end++;
    *at = end;
    return str_make(s.p + begin, end - begin);
}

/* Position of word from `at` on, or the end. */
static size_t find(struct str s, size_t at, const char *word)
{
    const char *found = memmem(s.p + at, s.len - at, word, strlen(word));

    return found ? (size_t)(found - s.p) : s.len;
}

/* A name in the content of another part may be taken for that of a part, and its lines for a
 * password: rather too much than too little. */
static bool part_find(const struct options *o, struct str s, size_t at, struct span *out)
{
    while ((at = find(s, at, "name=")) < s.len) {
        bool apart = at == 0 || is_one_of(s.p[at - 1], "; \t");
        struct str name;

        at += strlen("name=");
        name = part_name(s, &at);
        if (!apart || !parameter_is_secret(o, name))
            continue;
        out->from = find(s, at, "\r\n\r\n");
        if (out->from == s.len)
            return false;
        out->from += strlen("\r\n\r\n");
        out->to = find(s, out->from, "\r\n--");
        if (out->from < out->to)
            return true;
        at = out->from;
    }
    return false;
}

static bool secret_find(const struct options *o, enum http_redact_form form, struct str s,
                        size_t at, bool *in_query, struct span *out)
{
    switch (form) {
    case HTTP_REDACT_JSON:
        return json_find(o, s, at, out);
    case HTTP_REDACT_MULTIPART:
        return part_find(o, s, at, out);
    default:
        return uri_find(o, form, s, at, in_query, out);
    }
}

static bool may_hold_secrets(const struct options *o, enum http_redact_form form, struct str text)
{
    if (o->log_secrets || text.len == 0)
        return false;
    if (form >= HTTP_REDACT_FORM)
        return o->redact_parameters[0] != '\0';
    return memchr(text.p, '@', text.len) ||
           (o->redact_parameters[0] != '\0' &&
            (memchr(text.p, '?', text.len) || memchr(text.p, '#', text.len) ||
             memchr(text.p, ';', text.len)));
}

static size_t put(char *out, size_t n, size_t max, const char *p, size_t len)
{
    if (len > max - n)
        len = max - n;
    if (len > 0)
        memcpy(out + n, p, len);
    return n + len;
}

size_t http_redact_text(const struct options *o, enum http_redact_form form, struct str text,
                        char *out, size_t max)
{
    struct str instead = form == HTTP_REDACT_JSON ? STR_LIT("\"(redacted)\"") : HTTP_REDACTED;
    struct span secret;
    bool in_query = false;
    size_t at = 0, n = 0;

    if (!may_hold_secrets(o, form, text))
        return 0;
    while (secret_find(o, form, text, at, &in_query, &secret)) {
        n = put(out, n, max, text.p + at, secret.from - at);
        n = put(out, n, max, instead.p, instead.len);
        at = secret.to;
    }
    return at == 0 ? 0 : put(out, n, max, text.p + at, text.len - at);
}
