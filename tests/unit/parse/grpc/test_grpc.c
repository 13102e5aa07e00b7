/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls as their stream tells them: messages cut anywhere, states, gRPC-Web, gaps. */
#include "worker/parse/grpc/grpc.h"

#include "tests/unit/parse/fake_host.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BYTES(text) (text), sizeof(text) - 1

static struct fake_host call;

static void begin(const char *content_type)
{
    fake_host_open(&call, &analyzer_grpc, ANALYZER_TCP);
    fake_host_tell(&call, FACT_HOST, "g.example:50051");
    fake_host_tell(&call, FACT_URI, "/pkg.v1.Greeter/SayHello");
    fake_host_tell(&call, FACT_USER_AGENT, "grpc-go/1.64.0");
    fake_host_tell(&call, FACT_STREAM_ID, "7");
    fake_host_tell(&call, FACT_CONTENT_TYPE, content_type);
}

static void end(void)
{
    fake_host_close(&call);
    assert_int_equal(fake_host_count(&call, RECORD_grpc), 1);
}

static void expect_at(const char *field, const char *value, int line)
{
    const char *found = fake_host_field(&call, RECORD_grpc, 0, field);

    if (strcmp(found, value) != 0)
        fail_msg("line %d: %s is \"%s\", expected \"%s\"", line, field, found, value);
}
#define expect(field, value) expect_at(field, value, __LINE__)

static void test_all_fields(void **state)
{
    (void)state;
    begin("application/grpc+proto");
    fake_host_tell(&call, FACT_CONTENT_ENCODING, "gzip");
    fake_host_data(&call, 0, BYTES("\0\0\0\0\3abc"));
    fake_host_end(&call, 0);
    call.ctx.ts_ns += 300;
    fake_host_tell(&call, FACT_STATUS, "200");
    fake_host_data(&call, 1, BYTES("\1\0\0\0\2xy\0\0\0\0\0\0\0\0\0\1z"));
    fake_host_tell(&call, FACT_GRPC_STATUS, "0");
    call.ctx.ts_ns += 200;
    fake_host_end(&call, 1);
    call.ctx.ts_ns += 900;
    end();
    expect("ts", "1700000000000000000");
    expect("authority", "g.example:50051");
    expect("path", "/pkg.v1.Greeter/SayHello");
    expect("service", "pkg.v1.Greeter");
    expect("method", "SayHello");
    expect("status", "0");
    expect("status_name", "OK");
    expect("message", "-");
    expect("status_code", "200");
    expect("duration", "500");
    expect("orig_messages", "1");
    expect("orig_bytes", "3");
    expect("resp_messages", "3");
    expect("resp_bytes", "3");
    expect("compressed", "1");
    expect("encoding", "gzip");
    expect("content_type", "application/grpc+proto");
    expect("user_agent", "grpc-go/1.64.0");
    expect("stream_id", "7");
    expect("reset", "-");
    expect("partial", "-");
    expect("view", "packet");
    fake_host_fini(&call);
}

static void test_splits(void **state)
{
    static const struct fake_chunk chunks[] = {
        {0, BYTES("\0\0\0\0\3abc\0\0\0\0\0\1\0\0\0\4defg")},
        {1, BYTES("\0\0\0\0\2xy\0\0\0\0\3uvw")},
        {1, BYTES("\0\0\0\0\x09"
                  "cut")},
    };

    (void)state;
    fake_host_check_splits(&analyzer_grpc, ANALYZER_TCP, chunks, 3);
    fake_host_open(&call, &analyzer_grpc, ANALYZER_TCP);
    for (int i = 0; i < 3; i++)
        fake_host_data(&call, chunks[i].side, chunks[i].data, chunks[i].len);
    end();
    expect("orig_messages", "3");
    expect("orig_bytes", "7");
    expect("resp_messages", "2"); /* the third did not come to its end */
    expect("resp_bytes", "8");
    expect("path", "-");
    fake_host_fini(&call);
}

static void test_error_with_message(void **state)
{
    (void)state;
    begin("application/grpc");
    fake_host_tell(&call, FACT_VIEW, "plaintext");
    fake_host_tell(&call, FACT_GRPC_STATUS, "5");
    fake_host_tell(&call, FACT_GRPC_MESSAGE, "caf%C3%a9 100% %zz %4");
    end();
    expect("status", "5");
    expect("status_name", "NOT_FOUND");
    expect("message", "caf\\xc3\\xa9 100% %zz %4");
    expect("view", "plaintext");
    fake_host_fini(&call);
}

static void test_status_names(void **state)
{
    static const struct {
        const char *told, *status, *name;
    } cases[] = {
        {"1", "1", "CANCELLED"}, {"16", "16", "UNAUTHENTICATED"},
        {"17", "17", "-"},       {"99999999999999999999", "-", "-"},
        {"1a", "-", "-"},        {"", "-", "-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin("application/grpc");
        fake_host_tell(&call, FACT_GRPC_STATUS, cases[i].told);
        end();
        expect("status", cases[i].status);
        expect("status_name", cases[i].name);
        fake_host_fini(&call);
    }
}

static void test_paths(void **state)
{
    static const struct {
        const char *path, *service, *method;
    } cases[] = {
        {"/Svc/Do", "Svc", "Do"}, {"/a/b/Do", "a/b", "Do"}, {"/Do", "-", "-"},
        {"Svc/Do", "-", "-"},     {"/Svc/", "Svc", ""},     {"/", "-", "-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin("application/grpc");
        fake_host_tell(&call, FACT_URI, cases[i].path);
        end();
        expect("path", cases[i].path);
        expect("service", cases[i].service);
        expect("method", cases[i].method);
        fake_host_fini(&call);
    }
}

static void test_reset(void **state)
{
    (void)state;
    begin("application/grpc");
    fake_host_tell(&call, FACT_RESET, "CANCEL");
    end();
    expect("reset", "CANCEL");
    expect("status", "-");
    fake_host_fini(&call);
}

/* The trailers are a message of the server, with the high bit of its flags set. */
static void test_grpc_web(void **state)
{
    (void)state;
    begin("application/grpc-web+proto");
    fake_host_data(&call, 0, BYTES("\0\0\0\0\1a"));
    fake_host_data(&call, 1, BYTES("\0\0\0\0\2xy\x80\0\0\0\x24grpc-st"));
    fake_host_data(&call, 1, BYTES("atus: 3 \r\nGrpc-Message:bad%21\r\n"));
    end();
    expect("resp_messages", "1");
    expect("resp_bytes", "2");
    expect("status", "3");
    expect("message", "bad!");
    expect("partial", "-");
    fake_host_fini(&call);
}

static void test_grpc_web_text(void **state)
{
    (void)state;
    begin("application/grpc-web-text");
    fake_host_data(&call, 1, BYTES("AAAAAAJ4eQ=="));
    end();
    expect("content_type", "application/grpc-web-text");
    expect("resp_messages", "-");
    assert_int_equal(call.weirds[WEIRD_GRPC_BAD_MESSAGE], 0);
    fake_host_fini(&call);
}

static void test_bad_flags(void **state)
{
    (void)state;
    begin("application/grpc");
    fake_host_data(&call, 1, BYTES("\x80\0\0\0\2xy"));
    fake_host_data(&call, 1, BYTES("<html>"));
    fake_host_data(&call, 1, BYTES("\0\0\0\0\1z\0\0\0\0\2zz"));
    end();
    assert_int_equal(call.weirds[WEIRD_GRPC_BAD_MESSAGE], 1);
    expect("resp_messages", "2");
    expect("partial", "T");
    fake_host_fini(&call);
}

static void test_gap_inside_a_message(void **state)
{
    (void)state;
    begin("application/grpc");
    fake_host_data(&call, 0,
                   BYTES("\0\0\0\0\x08"
                         "ab"));
    fake_host_gap(&call, 0, 6);
    fake_host_data(&call, 0, BYTES("\0\0\0\0\1c"));
    end();
    expect("orig_messages", "2");
    expect("orig_bytes", "9");
    expect("partial", "T");
    fake_host_fini(&call);
}

/* Past the end of a message: what is exactly a row of messages again counts. */
static void test_gap_over_messages(void **state)
{
    (void)state;
    begin("application/grpc");
    fake_host_data(&call, 0,
                   BYTES("\0\0\0\0\x08"
                         "ab"));
    fake_host_gap(&call, 0, 100);
    fake_host_data(&call, 0, BYTES("the rest of one"));
    fake_host_data(&call, 0, BYTES("\0\0\0\0\3abc\0\0\0\0\0"));
    fake_host_gap(&call, 0, 0);
    fake_host_data(&call, 0, BYTES("\0\0\0\0\1d"));
    end();
    expect("orig_messages", "3");
    expect("orig_bytes", "6");
    expect("partial", "T");
    fake_host_fini(&call);
}

static void test_bounds(void **state)
{
    static char text[60000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    begin("application/grpc-web");
    for (int i = 0; i < 10; i++)
        fake_host_tell(&call, FACT_GRPC_MESSAGE, text);
    fake_host_data(&call, 1, BYTES("\x80\0\0\xe0\0"));
    fake_host_data(&call, 1, text, 0xe000);
    fake_host_data(&call, 0, BYTES("\0\xff\xff\xff\xff"));
    assert_true(call.bufs.used_bytes <= 64 * 1024);
    end();
    expect("orig_messages", "0");
    expect("partial", "T");
    fake_host_fini(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_error_with_message),
        cmocka_unit_test(test_status_names),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_grpc_web),
        cmocka_unit_test(test_grpc_web_text),
        cmocka_unit_test(test_bad_flags),
        cmocka_unit_test(test_gap_inside_a_message),
        cmocka_unit_test(test_gap_over_messages),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
