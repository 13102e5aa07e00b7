/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/http/http_application.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_applications(void **state)
{
    static const struct {
        const char *method, *uri, *request_type, *response_type, *name;
    } cases[] = {
        {"GET", "/", "", "text/html", NULL},
        {"GET", "/", "", "", NULL},
        {"POST", "/p.S/M", "application/grpc", "", "grpc"},
        {"POST", "/p.S/M", "application/grpc+proto", "application/grpc", "grpc"},
        {"POST", "/p.S/M", "", "Application/gRPC; x=y", "grpc"},
        {"POST", "/p.S/M", "application/grpc-web+proto", "", "grpc_web"},
        {"POST", "/p.S/M", "application/grpc-web-text", "", "grpc_web"},
        {"POST", "/p.S/M", "application/grpcx", "", NULL},
        {"GET", "/events", "", "text/event-stream; charset=utf-8", "sse"},
        {"POST", "/events", "text/event-stream", "text/html", NULL},
        {"POST", "/any", "application/graphql", "", "graphql"},
        {"POST", "/any", "application/json", "application/graphql-response+json", "graphql"},
        {"POST", "/api/graphql", "application/json; charset=utf-8", "application/json", "graphql"},
        {"POST", "/graphql?op=x", "application/json", "", "graphql"},
        {"POST", "/graphql/x", "application/json", "", NULL},
        {"POST", "/graphql", "text/plain", "", NULL},
        {"GET", "/graphql?query=%7Ba%7D", "", "application/json", "graphql"},
        {"GET", "/graphql", "", "text/html", NULL},
        {"POST", "/x", "application/dns-message", "application/dns-message", "doh"},
        {"GET", "/x", "", "application/dns-message", "doh"},
        {"GET", "/dns-query?dns=AAAB", "", "", "doh"},
        {"GET", "/dns-query?ct=x&dns=AAAB", "", "text/html", "doh"},
        {"GET", "/dns-query?xdns=AAAB", "", "", NULL},
        {"GET", "/dns-query", "", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_application_clues x = {str_of(cases[i].method), str_of(cases[i].uri),
                                           str_of(cases[i].request_type),
                                           str_of(cases[i].response_type)};
        const char *found = http_application_name(&x);

        if ((found == NULL) != (cases[i].name == NULL) ||
            (found && strcmp(found, cases[i].name) != 0))
            fail_msg("%s %s: \"%s\", expected \"%s\"", cases[i].method, cases[i].uri,
                     found ? found : "-", cases[i].name ? cases[i].name : "-");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_applications),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
