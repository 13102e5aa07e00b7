/* SPDX-License-Identifier: BSD-3-Clause */
/* What calls of hooked functions are told as. What depends on the kernel's means runs twice: with
 * what this one has, and as on an old one. Skipped where BPF or uprobes cannot be had. */
#include "tests/unit/probe/kernel_bench.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void socket_inside_the_call_tells_the_tuple(void **state)
{
    (void)state;
    bench_run(bench_talk);
    assert_int_equal(bench.n_got, 5);
    bench_expect_data(0, true, 0, BENCH_BYTES);
    bench_expect_tuple(0, &bench.pairs[0], 0, PROBE_METHOD_SOCKET);
    bench_expect_data(1, false, 0, BENCH_BYTES);
    bench_expect_tuple(1, &bench.pairs[0], 1, PROBE_METHOD_SOCKET);
    bench_expect_data(2, true, 0, "answer");
    bench_expect_data(3, false, 0, "ans");
    bench_expect_data(4, false, 3, "wer");
    bench_expect_tuple(4, &bench.pairs[0], 0, PROBE_METHOD_SOCKET);
    assert_int_equal(bench.got[0].e.session, bench.got[4].e.session);
    assert_int_equal(bench.got[1].e.session, bench.got[2].e.session);
    assert_int_not_equal(bench.got[0].e.session, bench.got[1].e.session);
}

static void write_much(void)
{
    static char buffer[100000];
    struct fake_ssl s = {.fd = -1};

    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (char)(i / 1000);
    fake_write(&s, buffer, 40000);
    fake_write(&s, buffer, sizeof buffer);
    fake_write(&s, "end", 3);
}

static void long_calls_come_in_chunks_up_to_a_bound(void **state)
{
    static const unsigned lengths[] = {16384, 16384, 7232, 16384, 16384, 16384, 16384, 3};
    static const uint64_t offsets[] = {0, 16384, 32768, 40000, 56384, 72768, 89152, 140000};
    uint64_t cut = bench.counters.probe_cut_bytes;

    (void)state;
    bench_run(write_much);
    assert_int_equal(bench.n_got, 8);
    for (unsigned i = 0; i < bench.n_got; i++) {
        assert_int_equal(bench.got[i].e.len, lengths[i]);
        assert_int_equal(bench.got[i].e.offset, offsets[i]);
        assert_int_equal(bench.got[i].e.method, PROBE_METHOD_NONE);
    }
    assert_int_equal(bench.got[2].data[7231], 39);
    assert_int_equal(bench.got[6].data[16383], 65);
    assert_int_equal(bench.counters.probe_cut_bytes - cut, 100000 - BENCH_CALL_MAX);
}

static void fail_and_go_on(void)
{
    struct fake_ssl s = {.fd = -1, .result = -1};
    size_t done = 0;

    fake_write(&s, BENCH_BYTES, 18);
    fake_write_ex(&s, BENCH_BYTES, 18, &done);
    s.result = 5; /* a part only */
    fake_write(&s, BENCH_BYTES, 18);
    fake_write_ex(&s, &(BENCH_BYTES)[5], 13, &done);
}

static void only_what_the_result_says_counts(void **state)
{
    (void)state;
    bench_run(fail_and_go_on);
    assert_int_equal(bench.n_got, 2);
    bench_expect_data(0, true, 0, "GET /");
    bench_expect_data(1, true, 5, &(BENCH_BYTES)[5]);
}

static void use_descriptors(void)
{
    struct fake_bio3 three = {.method = &fake_socket_type, .descriptor = bench.pairs[0].fd[0]};
    struct fake_bio1 one = {.method = &fake_socket_type, .descriptor = bench.pairs[1].fd[1]};
    int other = 0x401;
    struct fake_bio3 memory = {.method = &other, .descriptor = bench.pairs[0].fd[0]};
    struct fake_ssl a = {.fd = -1, .bio = &three}, b = {.fd = -1, .bio = &one};
    struct fake_ssl c = {.fd = -1, .bio = &memory};

    fake_write(&a, "a", 1);
    fake_write(&b, "b", 1);
    fake_write(&c, "c", 1);
    three.descriptor = STDOUT_FILENO; /* no socket, but what is known stays */
    fake_write(&a, "d", 1);
}

static void descriptor_of_a_socket_bio_tells_the_tuple(void **state)
{
    (void)state;
    bench_run(use_descriptors);
    assert_int_equal(bench.n_got, 4);
    bench_expect_tuple(0, &bench.pairs[0], 0, PROBE_METHOD_DESCRIPTOR);
    bench_expect_tuple(1, &bench.pairs[1], 1, PROBE_METHOD_DESCRIPTOR);
    assert_int_equal(bench.got[2].e.method, PROBE_METHOD_NONE);
    bench_expect_tuple(3, &bench.pairs[0], 0, PROBE_METHOD_DESCRIPTOR);
}

/* Both ends' bytes pass through the program: what it receives it gives to the session. */
static void serve_by_memory(void)
{
    struct fake_ssl a = {.fd = -1}, b = {.fd = -1};
    char buffer[100];

    send(bench.pairs[0].fd[0], "x", 1, 0);
    send(bench.pairs[1].fd[0], "y", 1, 0);
    recv(bench.pairs[0].fd[1], buffer, 1, 0);
    fake_read(&a, buffer, 1);
    recv(bench.pairs[1].fd[1], buffer, 1, 0);
    fake_read(&b, buffer, 1);
    fake_read(&a, buffer, 1);
}

static void receive_before_a_read_tells_the_tuple(void **state)
{
    (void)state;
    bench_run(serve_by_memory);
    assert_int_equal(bench.n_got, 3);
    bench_expect_tuple(0, &bench.pairs[0], 1, PROBE_METHOD_LEARNED);
    bench_expect_tuple(1, &bench.pairs[1], 1, PROBE_METHOD_LEARNED);
    bench_expect_tuple(2, &bench.pairs[0], 1, PROBE_METHOD_LEARNED);
}

static void write_by_memory(void)
{
    struct fake_ssl a = {.fd = -1};

    fake_write(&a, BENCH_BYTES, 18);
    send(bench.pairs[0].fd[0], "sealed", 6, 0);
    fake_write(&a, "more", 4);
    send(bench.pairs[1].fd[0], "else", 4, 0); /* of something else */
    fake_write(&a, "last", 4);
}

static void send_after_a_write_tells_the_tuple(void **state)
{
    (void)state;
    bench_run(write_by_memory);
    assert_int_equal(bench.n_got, 4);
    bench_expect_data(0, true, 0, BENCH_BYTES);
    assert_int_equal(bench.got[0].e.method, PROBE_METHOD_NONE);
    assert_int_equal(bench.got[1].e.type, PROBE_EVENT_TUPLE);
    bench_expect_tuple(1, &bench.pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    bench_expect_tuple(2, &bench.pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    bench_expect_tuple(3, &bench.pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    assert_int_equal(bench.got[0].e.session, bench.got[3].e.session);
}

/* A client that has just received something in the clear begins a handshake. */
static void guess_wrong_at_first(void)
{
    struct fake_ssl a = {.fd = -1, .result = -1};
    char buffer[100];

    send(bench.pairs[1].fd[1], "redis", 5, 0);
    recv(bench.pairs[1].fd[0], buffer, 5, 0);
    fake_handshake(&a);
    send(bench.pairs[0].fd[0], "hello", 5, 0);
    a.result = 0;
    fake_write(&a, BENCH_BYTES, 18);
}

static void first_send_of_a_handshake_corrects_a_guess(void **state)
{
    (void)state;
    bench_run(guess_wrong_at_first);
    assert_int_equal(bench.n_got, 2);
    assert_int_equal(bench.got[0].e.type, PROBE_EVENT_TUPLE);
    bench_expect_tuple(0, &bench.pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    bench_expect_data(1, true, 0, BENCH_BYTES);
    bench_expect_tuple(1, &bench.pairs[0], 0, PROBE_METHOD_NEXT_SEND);
}

static void shake_hands(void)
{
    struct fake_bio3 bio = {.method = &fake_socket_type, .descriptor = bench.pairs[0].fd[0]};
    struct fake_ssl a = {.bio = &bio, .fd = -1, .result = 1};

    fake_handshake(&a);
    fake_handshake(&a);
    a.fd = bench.pairs[0].fd[0];
    fake_write(&a, BENCH_BYTES, 18);
}

static void session_is_told_of_before_its_bytes(void **state)
{
    (void)state;
    bench_run(shake_hands);
    assert_int_equal(bench.n_got, 2);
    assert_int_equal(bench.got[0].e.type, PROBE_EVENT_TUPLE);
    bench_expect_tuple(0, &bench.pairs[0], 0, PROBE_METHOD_DESCRIPTOR);
    bench_expect_data(1, true, 0, BENCH_BYTES);
    assert_int_equal(bench.got[0].e.session, bench.got[1].e.session);
}

static void mix_two_sessions(void)
{
    struct fake_ssl a = {.fd = bench.pairs[0].fd[0]}, b = {.fd = -1};
    char buffer[100];

    fake_write(&a, "a", 1); /* a has the first socket */
    send(bench.pairs[0].fd[1], "x", 1, 0);
    recv(bench.pairs[0].fd[0], buffer, 1, 0);
    fake_read(&b, buffer, 1);
    fake_write(&b, "b", 1);
    send(bench.pairs[0].fd[0], "of a", 4, 0);
    send(bench.pairs[1].fd[0], "of b", 4, 0);
}

static void socket_of_another_session_is_no_guess(void **state)
{
    (void)state;
    bench_run(mix_two_sessions);
    assert_int_equal(bench.n_got, 4);
    bench_expect_tuple(0, &bench.pairs[0], 0, PROBE_METHOD_SOCKET);
    assert_int_equal(bench.got[1].e.method, PROBE_METHOD_NONE);
    assert_int_equal(bench.got[2].e.method, PROBE_METHOD_NONE);
    assert_int_equal(bench.got[3].e.type, PROBE_EVENT_TUPLE);
    bench_expect_tuple(3, &bench.pairs[1], 0, PROBE_METHOD_NEXT_SEND);
}

static void use_again(void)
{
    struct fake_ssl a = {.fd = bench.pairs[0].fd[0]};

    fake_write(&a, "first", 5);
    a.fd = bench.pairs[1].fd[0];
    fake_write(&a, "second", 6);
    fake_free(&a);
    fake_write(&a, "third", 5);
}

static void another_socket_or_an_end_makes_another_session(void **state)
{
    (void)state;
    bench_run(use_again);
    assert_int_equal(bench.n_got, 5);
    bench_expect_data(0, true, 0, "first");
    bench_expect_close(1, 0, 5);
    bench_expect_data(2, true, 0, "second");
    bench_expect_tuple(2, &bench.pairs[1], 0, PROBE_METHOD_SOCKET);
    bench_expect_close(3, 0, 6);
    bench_expect_data(4, true, 0, "third");
    assert_int_equal(bench.got[4].e.method, PROBE_METHOD_NONE);
    assert_int_equal(bench.got[0].e.session, bench.got[1].e.session);
    assert_int_equal(bench.got[2].e.session, bench.got[3].e.session);
    assert_int_not_equal(bench.got[0].e.session, bench.got[2].e.session);
    assert_int_not_equal(bench.got[2].e.session, bench.got[4].e.session);
}

static void call_inside_calls(void)
{
    struct fake_ssl a = {.fd = -1};

    fake_write_outer(&a, "once", 4);
    fake_write_left(&a, "never", 5);
    fake_write_outer(&a, "again", 5);
    fake_write(&a, "plain", 5);
}

static void outermost_call_counts_and_lost_ones_do_no_harm(void **state)
{
    (void)state;
    bench_run(call_inside_calls);
    assert_int_equal(bench.n_got, 3);
    bench_expect_data(0, true, 0, "once");
    bench_expect_data(1, true, 4, "again");
    bench_expect_data(2, true, 9, "plain");
}

static void write_in_a_callback(void)
{
    struct fake_ssl a = {.fd = -1};

    fake_read_calls_back(&a, "greeting", 8);
    send(bench.pairs[0].fd[0], "sealed", 6, 0);
    fake_write(&a, "more", 4);
}

static void call_of_another_kind_inside_counts(void **state)
{
    (void)state;
    bench_run(write_in_a_callback);
    assert_int_equal(bench.n_got, 3);
    bench_expect_data(0, true, 0, "greeting");
    assert_int_equal(bench.got[1].e.type, PROBE_EVENT_TUPLE);
    bench_expect_tuple(1, &bench.pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    bench_expect_data(2, true, 8, "more");
}

static void ask_protocol(void)
{
    struct fake_ssl a = {.fd = bench.pairs[0].fd[0], .result = -1}, b = {.fd = -1};
    const unsigned char *data;
    struct fake_datum datum;
    unsigned len;

    fake_write(&a, "x", 1);
    fake_alpn(&a, &data, &len); /* none yet */
    a.result = 0;
    fake_alpn(&a, &data, &len);
    fake_alpn(&a, &data, &len);
    fake_alpn_datum(&b, &datum);
}

static void protocol_is_told_once(void **state)
{
    (void)state;
    bench_run(ask_protocol);
    assert_int_equal(bench.n_got, 3);
    assert_int_equal(bench.got[1].e.type, PROBE_EVENT_ALPN);
    assert_int_equal(bench.got[1].e.len, 2);
    assert_memory_equal(bench.got[1].data, "h2", 2);
    bench_expect_tuple(1, &bench.pairs[0], 0, PROBE_METHOD_SOCKET);
    assert_int_equal(bench.got[2].e.type, PROBE_EVENT_ALPN);
    assert_int_equal(bench.got[2].e.len, 8);
    assert_memory_equal(bench.got[2].data, "http/1.1", 8);
}

static void write_vectors(void)
{
    struct fake_ssl plain = {.fd = -1}, tls = {.fd = -1};
    char a[] = "GET ", b[] = "/ HT", c[] = "TP";
    struct iovec v[] = {{a, 4}, {b, 4}, {c, 2}};

    fake_import(&tls);
    fake_writev(&plain, v, 3);
    fake_writev(&tls, v, 3);
    tls.result = 6;
    fake_writev(&tls, v, 3);
}

static void vectors_of_marked_sessions_only(void **state)
{
    (void)state;
    bench_run(write_vectors);
    assert_int_equal(bench.n_got, 5);
    bench_expect_data(0, true, 0, "GET ");
    bench_expect_data(1, true, 4, "/ HT");
    bench_expect_data(2, true, 8, "TP");
    bench_expect_data(3, true, 10, "GET ");
    bench_expect_data(4, true, 14, "/ ");
}

static void write_nowhere(void)
{
    struct fake_ssl a = {.fd = -1};
    void *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    size_t done;

    fake_write_ex(&a, gone, 100, &done);
    fake_write(&a, "here", 4);
}

static void unreadable_bytes_are_a_jump(void **state)
{
    uint64_t fault = bench.counters.probe_fault_bytes;

    (void)state;
    bench_run(write_nowhere);
    assert_int_equal(bench.n_got, 1);
    bench_expect_data(0, true, 100, "here");
    assert_int_equal(bench.counters.probe_fault_bytes - fault, 100);
}

#if defined(__x86_64__)
static void use_sites(void)
{
    struct fake_ssl a = {.fd = bench.pairs[0].fd[0]};
    static uint64_t g[2] = {0, UINT64_C(1) << 47};
    char buffer[100];

    fake_site_write(&a, "site", 4);
    a.fd = -1;
    a.result = -1;
    fake_site_write(&a, "fails", 5);
    fake_go_write(buffer, "go", 2, g, bench.pairs[1].fd[0], 0);
    send(bench.pairs[0].fd[0], "between", 7, 0);
    fake_go_write(buffer, "again", 5, g, bench.pairs[1].fd[0], 1);
}
#endif

static void instructions_and_goroutines_can_be_hooked(void **state)
{
    (void)state;
#if defined(__x86_64__)
    bench_run(use_sites);
    assert_int_equal(bench.n_got, 3);
    bench_expect_data(0, true, 0, "site");
    bench_expect_tuple(0, &bench.pairs[0], 0, PROBE_METHOD_SOCKET);
    assert_int_equal(bench.got[0].e.flags, PROBE_FLAG_SITE | PROBE_FLAG_OPENSSL);
    bench_expect_data(1, true, 0, "go");
    if (bench.got[1].e.method !=
        PROBE_METHOD_NONE) /* the first call of a process may be too early */
        bench_expect_tuple(1, &bench.pairs[1], 0, PROBE_METHOD_SOCKET);
    bench_expect_data(2, true, 2, "again");
    bench_expect_tuple(2, &bench.pairs[1], 0, PROBE_METHOD_SOCKET);
#else
    printf("skipped: written for x86-64\n");
    skip();
#endif
}

#if defined(__x86_64__)
static void reuse_go_connection(void)
{
    static uint64_t g[2] = {0, UINT64_C(1) << 47};
    /* net.Conn of a *net.TCPConn in a tls.Conn: type, data -> netFD -> poll.FD with descriptor */
    uint64_t net_fd[3] = {0, 0, (uint64_t)bench.pairs[0].fd[0]}, tcp[1] = {(uintptr_t)net_fd};
    uint64_t conn[2] = {0, (uintptr_t)tcp};
    int null = open("/dev/null", O_WRONLY);

    fake_go_write(conn, "one", 3, g, null, 0);
    net_fd[2] = (uint64_t)bench.pairs[1].fd[1];
    fake_go_write(conn, "two", 3, g, null, 0);
    net_fd[2] = (uint64_t)null;
    fake_go_write(conn, "more", 4, g, null, 0);
}
#endif

static void place_of_a_go_connection_may_get_another(void **state)
{
    (void)state;
#if defined(__x86_64__)
    bench_run(reuse_go_connection);
    assert_int_equal(bench.n_got, 4);
    bench_expect_data(0, true, 0, "one");
    bench_expect_tuple(0, &bench.pairs[0], 0, PROBE_METHOD_DESCRIPTOR);
    bench_expect_close(1, 0, 3);
    bench_expect_data(2, true, 0, "two");
    bench_expect_tuple(2, &bench.pairs[1], 1, PROBE_METHOD_DESCRIPTOR);
    bench_expect_data(3, true, 3, "more");
#else
    printf("skipped: written for x86-64\n");
    skip();
#endif
}

static void accept_some(void)
{
    struct fake_ssl tls = {.fd = -1}, plain = {.fd = -1}, a = {.fd = -1}, b = {.fd = -1};
    struct iovec v = {BENCH_BYTES, 5};

    fake_import(&tls);
    fake_accept(&plain, &a);
    fake_writev(&a, &v, 1);
    fake_accept(&tls, &b);
    fake_writev(&b, &v, 1);
}

static void accepted_by_a_marked_listener_is_marked(void **state)
{
    (void)state;
    bench_run(accept_some);
    assert_int_equal(bench.n_got, 1);
    bench_expect_data(0, true, 0, "GET /");
}

/* Descriptors that no mark tells of: of NSPR alone, with TLS on top, with TLS below another layer,
 * and with layers of other names. */
static void write_layers(void)
{
    struct fake_layer plain[2] = {{.kind = 0}, {.kind = 0}}, tls = {.lower = &plain[0], .kind = 2};
    struct fake_layer other = {.lower = &plain[1], .kind = 3};
    struct fake_layer above[2] = {{.lower = &tls, .kind = 1}, {.lower = &other, .kind = 1}};
    struct fake_layer unknown = {.lower = &plain[1], .kind = 1 << 30};
    static const char *volatile name;

    for (int i = 1; i <= 3; i++) /* their pages must be there */
        for (name = fake_layer_names[i]; *name; name++)
            continue;
    fake_write_layer(&plain[0], "plain", 5);
    fake_write_layer(&tls, "GET", 3);
    fake_write_layer(&above[0], "HEAD", 4);
    fake_write_layer(&above[1], "other", 5);
    fake_write_layer(&unknown, "unknown", 7);
    fake_write_layer(&tls, " /", 2);
}

static void layer_of_that_name_is_tls_without_a_mark(void **state)
{
    (void)state;
    bench_run(write_layers);
    assert_int_equal(bench.n_got, 3);
    bench_expect_data(0, true, 0, "GET");
    bench_expect_data(1, true, 0, "HEAD");
    bench_expect_data(2, true, 3, " /");
    assert_int_equal(bench.got[0].e.session, bench.got[2].e.session);
}

static void write_and_flush(void)
{
    struct fake_ssl s = {.fd = -1};

    fake_write(&s, "corked", 6);
    fake_flush(&s, "corked", 6);
    fake_write(&s, " more", 5);
}

static void what_is_only_passed_on_is_not_counted_again(void **state)
{
    (void)state;
    bench_run(write_and_flush);
    assert_int_equal(bench.n_got, 2);
    bench_expect_data(0, true, 0, "corked");
    bench_expect_data(1, true, 6, " more");
}

/* Those that find sockets or are attached by other means on an old kernel. */
#define TESTS_OF_BOTH                                                                              \
    cmocka_unit_test(socket_inside_the_call_tells_the_tuple),                                      \
        cmocka_unit_test(descriptor_of_a_socket_bio_tells_the_tuple),                              \
        cmocka_unit_test(receive_before_a_read_tells_the_tuple),                                   \
        cmocka_unit_test(send_after_a_write_tells_the_tuple),                                      \
        cmocka_unit_test(first_send_of_a_handshake_corrects_a_guess),                              \
        cmocka_unit_test(session_is_told_of_before_its_bytes),                                     \
        cmocka_unit_test(socket_of_another_session_is_no_guess),                                   \
        cmocka_unit_test(another_socket_or_an_end_makes_another_session),                          \
        cmocka_unit_test(outermost_call_counts_and_lost_ones_do_no_harm),                          \
        cmocka_unit_test(call_of_another_kind_inside_counts),                                      \
        cmocka_unit_test(what_is_only_passed_on_is_not_counted_again),                             \
        cmocka_unit_test(layer_of_that_name_is_tls_without_a_mark),                                \
        cmocka_unit_test(vectors_of_marked_sessions_only),                                         \
        cmocka_unit_test(instructions_and_goroutines_can_be_hooked),                               \
        cmocka_unit_test(place_of_a_go_connection_may_get_another)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS_OF_BOTH,
        cmocka_unit_test(long_calls_come_in_chunks_up_to_a_bound),
        cmocka_unit_test(only_what_the_result_says_counts),
        cmocka_unit_test(protocol_is_told_once),
        cmocka_unit_test(accepted_by_a_marked_listener_is_marked),
        cmocka_unit_test(unreadable_bytes_are_a_jump),
    };
    const struct CMUnitTest old[] = {TESTS_OF_BOTH};
    int failed = cmocka_run_group_tests_name("calls", tests, bench_prepare, bench_clean_up);

    return failed +
           cmocka_run_group_tests_name("calls, old kernel", old, bench_prepare_old, bench_clean_up);
}
