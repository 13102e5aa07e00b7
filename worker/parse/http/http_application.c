/* SPDX-License-Identifier: BSD-3-Clause */
/* Media types tell most of it: of the response, or of the request where that is what clients name
 * (an unanswered gRPC call is one, too). GraphQL over plain JSON, and DNS asked for by GET (RFC
 * 8484 section 4.1), whose requests have no type, are told by their path: a convention that nearly
 * all servers keep, and that costs little where it is broken, since nothing else depends on it.
 *
 * This runs once a transaction, so the usual answer, none, is found by a look at a letter or two.
 */
#include "worker/parse/http/http_application.h"

#include <stddef.h>
#include <strings.h>

/* Is it that media type, with or without parameters? */
static bool type_is(struct str type, const char *name)
{
    size_t n = strlen(name);

    return type.len >= n && strncasecmp(type.p, name, n) == 0 &&
           (type.len == n || type.p[n] == ';' || type.p[n] == ' ' || type.p[n] == '\t');
}

/* The same, or followed by the name of a message format: "application/grpc+proto". */
static bool type_is_or_plus(struct str type, const char *name)
{
    size_t n = strlen(name);

    return type_is(type, name) ||
           (type.len > n && strncasecmp(type.p, name, n) == 0 && type.p[n] == '+');
}

static bool either_is(const struct http_application_clues *x, const char *name)
{
    return type_is(x->request_type, name) || type_is(x->response_type, name);
}

static bool either_is_or_plus(const struct http_application_clues *x, const char *name)
{
    return type_is_or_plus(x->request_type, name) || type_is_or_plus(x->response_type, name);
}

/* Cuts a target where its query begins, which is returned without the question mark. */
static struct str query_split(struct str *uri)
{
    const char *mark = uri->len > 0 ? memchr(uri->p, '?', uri->len) : NULL;
    struct str query = STR_LIT("");

    if (mark) {
        query = str_make(mark + 1, (size_t)(uri->p + uri->len - (mark + 1)));
        uri->len = (uint32_t)(mark - uri->p);
    }
    return query;
}

static bool ends_with(struct str s, const char *word)
{
    size_t n = strlen(word);

    return s.len >= n && memcmp(s.p + s.len - n, word, n) == 0;
}

static bool query_has(struct str query, const char *name)
{
    const char *found = query.len > 0 ? memmem(query.p, query.len, name, strlen(name)) : NULL;

    return found && (found == query.p || found[-1] == '&');
}

/* The query alone would prove nothing: other services have parameters of that name. */
static const char *by_path(const struct http_application_clues *x)
{
    struct str path = x->uri, query = query_split(&path);
    bool get = str_equal(x->method, STR_LIT("GET"));

    if (get && ends_with(path, "/dns-query") && query_has(query, "dns="))
        return "doh";
    if (ends_with(path, "/graphql") &&
        ((get && query_has(query, "query=")) ||
         (str_equal(x->method, STR_LIT("POST")) && type_is(x->request_type, "application/json"))))
        return "graphql";
    return NULL;
}

/* Most types are of no interest here, which their first letter tells, or that of a subtype. */
static bool is_of_interest(struct str type)
{
    size_t n = sizeof "application/" - 1;
    char c;

    if (type.len <= n)
        return false;
    c = (char)(type.p[0] | 0x20);
    if (c == 't') /* "text/e" */
        return (type.p[5] | 0x20) == 'e';
    c = (char)(c == 'a' ? type.p[n] | 0x20 : 0);
    return c == 'g' || c == 'd';
}

static const char *by_type(const struct http_application_clues *x)
{
    if (!is_of_interest(x->request_type) && !is_of_interest(x->response_type))
        return NULL;
    if (either_is_or_plus(x, "application/grpc-web") ||
        either_is_or_plus(x, "application/grpc-web-text"))
        return "grpc_web";
    if (either_is_or_plus(x, "application/grpc"))
        return "grpc";
    if (type_is(x->response_type, "text/event-stream"))
        return "sse";
    if (either_is(x, "application/graphql") || either_is(x, "application/graphql+json") ||
        either_is(x, "application/graphql-response+json"))
        return "graphql";
    if (either_is(x, "application/dns-message") || either_is(x, "application/dns-json"))
        return "doh";
    return NULL;
}

const char *http_application_name(const struct http_application_clues *x)
{
    const char *name = by_type(x);

    return name ? name : by_path(x);
}
