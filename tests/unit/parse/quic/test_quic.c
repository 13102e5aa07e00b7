/* SPDX-License-Identifier: BSD-3-Clause */
/* The analyzer over datagrams of made connections: history, ids, what goes to the TLS reader, and
 * when records are written. */
#include "tests/unit/parse/quic/talk.h"

#include <dlfcn.h>
#include <stdlib.h>

/* In front of OpenSSL's: to derive keys takes some of them, nothing else any. */
int SHA256_Init(void *digest);

static unsigned digests;

int SHA256_Init(void *digest)
{
    int (*real)(void *);

    *(void **)&real = dlsym(RTLD_NEXT, "SHA256_Init");
    digests++;
    return real(digest);
}

static void test_handshake(void **state)
{
    (void)state;
    send_client_hello(to_server);
    assert_string_equal(h.children[0].name, "tls_quic");
    assert_int_equal(h.children[0].len[0], 300);
    assert_memory_equal(h.children[0].data[0], hello, 300);
    fake_host_tell(&h, FACT_SERVER_NAME, "www.example.org");
    fake_host_tell(&h, FACT_ALPN, "h3");
    fake_host_tell(&h, FACT_JA4, "q13d");
    fake_host_tell(&h, FACT_TRANSPORT_PARAMETERS, "\x01\x02\x44\x44");
    h.ctx.ts_ns += 5;
    send_server_hello(to_client);
    assert_int_equal(h.children[0].len[1], 90);
    send_handshake(1);
    send_short(1);
    send_handshake(0);
    send_short(0);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 0);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    assert_string_equal(quic(0, "ts"), "1700000000000000000");
    assert_string_equal(quic(0, "version"), "1");
    assert_string_equal(quic(0, "client_initial_dcid"), DCID);
    assert_string_equal(quic(0, "client_scid"), CLIENT);
    assert_string_equal(quic(0, "server_scid"), SERVER);
    assert_string_equal(quic(0, "server_name"), "www.example.org");
    assert_string_equal(quic(0, "client_protocol"), "h3");
    assert_string_equal(quic(0, "ja4"), "q13d");
    assert_string_equal(quic(0, "transport_parameters"), "max_idle_timeout=1092");
    assert_string_equal(quic(0, "history"), "ISishoHO");
    assert_string_equal(quic(0, "path_of"), "-");
    assert_true(h.children[0].closed);
    assert_string_equal(h.services[0], "quic");
}

/* After a while short headers tell nothing but their number. */
static void test_short_headers_are_spared(void **state)
{
    (void)state;
    send_client_hello(to_server);
    send_server_hello(to_client);
    for (unsigned i = 0; i < 64; i++)
        send_short(0);
    assert_int_equal(h.spared[0], 0); /* the server may still refuse */
    for (unsigned i = 0; i < 64; i++)
        send_short(1);
    assert_int_equal(h.spared[1], UINT64_MAX);
    h.ctx.spared = true;
    fake_host_gap(&h, 1, 1000 - 64);
    fake_host_gap(&h, 0, 1);
    h.ctx.spared = false;
    send_short(0);
    fake_host_close(&h);
    /* the 1st, 2nd, 4th … 64th of the client; of the server up to the 512th */
    assert_string_equal(quic(0, "history"), "ISisOOOOOOOoooooooooo");
}

static void test_ids_are_told(void **state)
{
    (void)state;
    send_client_hello(to_server);
    send_server_hello(to_client);
    send_handshake(1);
    assert_non_null(strstr(h.notes, CLIENT));
    assert_non_null(strstr(h.notes, SERVER));
    assert_null(strstr(strstr(h.notes, SERVER) + 1, SERVER)); /* once */
    assert_null(strstr(h.notes, DCID));
    fake_host_close(&h);
}

/* As browsers send it: pieces in any order, in several datagrams, with other frames between. */
static void test_shuffled_hello(void **state)
{
    static const uint16_t cuts[][2] = {{1200, 1500}, {700, 701}, {0, 10},  {1500, 2000},
                                       {701, 1200},  {5, 400},   {10, 700}};
    struct seal frames = {.len = 0};

    (void)state;
    hello_make(CLIENT_HELLO, 2000);
    for (unsigned i = 0; i < 7; i++) {
        seal_hex(&frames, i % 2 ? "01" : "000000");
        seal_crypto(&frames, cuts[i][0], hello + cuts[i][0], cuts[i][1] - cuts[i][0]);
        if (i < 3 || i == 4)
            continue;
        initial(0, to_server, &frames, 1200);
        flush(0);
        frames.len = 0;
    }
    assert_int_equal(h.children[0].len[0], 2000);
    assert_memory_equal(h.children[0].data[0], hello, 2000);
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "IIIS");
}

static void test_repeated_packets(void **state)
{
    (void)state;
    send_client_hello(to_server);
    send_client_hello(to_server);
    send_server_hello(to_client);
    send_server_hello(to_client);
    fake_host_close(&h);
    assert_int_equal(h.children[0].len[0], 300);
    assert_int_equal(h.children[0].len[1], 90);
    assert_string_equal(quic(0, "history"), "ISIisi");
}

static void test_coalesced(void **state)
{
    struct seal frames = {.len = 0};

    (void)state;
    send_client_hello(to_server);
    hello_make(SERVER_HELLO, 90);
    seal_crypto(&frames, 0, hello, 90);
    initial(1, to_client, &frames, 0);
    seal_long(&d, 0xe0, V1, CLIENT, SERVER, 60);
    seal_long(&d, 0xe0, V1, CLIENT, SERVER, 60);
    seal_fill(&d, 0x40, 30);
    flush(1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "ISishho");
}

/* A datagram is of one connection (RFC 9000 section 12.2): the rest of it is not even tried. */
static void test_coalesced_with_others(void **state)
{
    struct seal frames = {.len = 0};
    unsigned before;

    (void)state;
    hello_make(CLIENT_HELLO, 300);
    seal_crypto(&frames, 0, hello, 300);
    initial(0, to_server, &frames, 0);
    seal_hex(&d, "c000000001020001000014");
    seal_fill(&d, 0x55, 20);
    seal_hex(&d, "c000000001020002000014");
    seal_fill(&d, 0x55, 20);
    before = digests;
    flush(0);
    assert_int_equal(digests, before); /* the keys are those that the packet was made with */
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "ISX");
}

/* That an Initial is the first of another connection is looked at once a datagram. */
static void test_coalesced_beginnings(void **state)
{
    struct kind other = {V1, V1, "1122334455667788", "d1d2d3d4", "1122334455667788"};
    struct seal frames = {.len = 0};

    (void)state;
    send_client_hello(to_server);
    send_server_hello(to_client);
    hello_make(CLIENT_HELLO, 300);
    seal_crypto(&frames, 0, hello, 300);
    seal_hex(&d, "c00000000108112233445566778804d1d2d3d40014");
    seal_fill(&d, 0x55, 20);
    initial(0, other, &frames, 1200);
    flush(0);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    assert_string_equal(quic(0, "history"), "ISisII");
}

/* It has two versions at most, and may go back to the first (RFC 9368 section 2.3). */
static void test_coalesced_versions(void **state)
{
    unsigned before, once;

    (void)state;
    send_client_hello(to_server);
    before = digests;
    send_client_hello((struct kind){V2, V2, DCID, CLIENT, DCID});
    once = digests - before;
    for (unsigned i = 0; i < 20; i++) {
        seal_hex(&d, i % 2 ? "c000000001088394c8f03e515708000014"
                           : "d06b3343cf088394c8f03e515708000014");
        seal_fill(&d, 0x55, 20);
    }
    before = digests;
    flush(0);
    assert_in_range(digests - before, 1, 3 * once);
    fake_host_close(&h);
}

/* Its keys do not take the place of those that fit. */
static void test_undecryptable_among_others(void **state)
{
    struct kind wrong = {V1, V1, "1122334455667788", CLIENT, "0000000000000000"};
    struct seal frames = {.len = 0}, good, bad;
    unsigned before, once;

    (void)state;
    hello_make(CLIENT_HELLO, 300);
    seal_crypto(&frames, 0, hello, 300);
    initial(0, wrong, &frames, 1200);
    bad = d;
    d.len = 0;
    initial(0, to_server, &frames, 1200);
    good = d;
    flush(0);
    before = digests;
    fake_host_data(&h, 0, bad.p, bad.len);
    once = digests - before;
    for (unsigned i = 0; i < 3; i++) {
        fake_host_data(&h, 0, bad.p, bad.len);
        fake_host_data(&h, 0, good.p, good.len);
    }
    assert_int_equal(digests, before + once);
    fake_host_close(&h);
}

/* Padding outside of the packets, and datagrams without the fixed bit. */
static void test_discarded(void **state)
{
    struct seal frames = {.len = 0};

    (void)state;
    send_hex(1, "00", 50); /* nothing is known yet */
    hello_make(CLIENT_HELLO, 100);
    seal_crypto(&frames, 0, hello, 100);
    initial(0, to_server, &frames, 0);
    seal_fill(&d, 0, 200);
    flush(0);
    send_hex(1, "21", 50);
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "ISXx");
}

/* A client that says so bears packets without the fixed bit (RFC 9287), also behind others in a
 * datagram; zeros are padding all the same. */
static void test_greased_bit(void **state)
{
    (void)state;
    send_client_hello(to_server);
    fake_host_tell(&h, FACT_TRANSPORT_PARAMETERS, "\x01\x01\x04\x6a\xb2\x01x");
    seal_long(&d, 0xa0, V1, CLIENT, SERVER, 60);
    seal_long(&d, 0xb0, V2, CLIENT, SERVER, 60);
    seal_fill(&d, 0x02, 30);
    flush(1);
    seal_long(&d, 0xe0, V1, SERVER, CLIENT, 60);
    seal_fill(&d, 0, 30);
    flush(0);
    send_hex(1, "21", 50);
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "IShhoHXo");
}

/* The 1st, 2nd, 4th, 8th … of each side. */
static void test_short_headers(void **state)
{
    (void)state;
    send_client_hello(to_server);
    for (unsigned i = 0; i < 17; i++)
        send_short(1);
    for (unsigned i = 0; i < 3; i++)
        send_short(0);
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "ISoooooOO");
}

static void test_zero_rtt_before_all(void **state)
{
    (void)state;
    seal_long(&d, 0xd0, V1, DCID, CLIENT, 100);
    flush(0);
    send_client_hello(to_server);
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "ZIS");
    assert_string_equal(quic(0, "client_initial_dcid"), DCID);
}

/* The keys of what comes after it are those of the id that the server asked for. */
static void test_retry(void **state)
{
    struct kind again = {V1, V1, "f067a5502a4262b5", CLIENT, "f067a5502a4262b5"};
    struct kind answer = {V1, V1, CLIENT, SERVER, "f067a5502a4262b5"};
    const char *retry = "ff0000000105c1c2c3c4c508f067a5502a4262b5"
                        "746f6b656e04a265ba2eff4d829058fb3f0f2496ba";

    (void)state;
    send_client_hello(to_server);
    fake_host_tell(&h, FACT_SERVER_NAME, "www.example.org");
    send_hex(1, retry, 0);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    assert_string_equal(quic(0, "history"), "ISr");
    assert_string_equal(quic(0, "retry_scid"), "f067a5502a4262b5");
    assert_string_equal(quic(0, "server_scid"), "-");
    send_hex(1, retry, 0); /* repeated: a client takes one only */
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    send_client_hello(again);
    assert_int_equal(h.children[0].gap[0], 1); /* the TLS reader is told to begin anew */
    assert_int_equal(h.children[0].len[0], 600);
    send_server_hello(answer);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 2);
    assert_string_equal(quic(1, "history"), "ISis");
    assert_string_equal(quic(1, "client_initial_dcid"), "f067a5502a4262b5");
    assert_string_equal(quic(1, "server_name"), "www.example.org");
    assert_string_equal(quic(1, "retry_scid"), "-");
}

/* The Retry was not captured. */
static void test_missed_retry(void **state)
{
    struct kind again = {V1, V1, "f067a5502a4262b5", CLIENT, "f067a5502a4262b5"};
    struct kind answer = {V1, V1, CLIENT, SERVER, "f067a5502a4262b5"};

    (void)state;
    send_client_hello(to_server);
    send_client_hello(again);
    send_server_hello(answer);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    assert_string_equal(quic(0, "history"), "ISISis");
}

static void test_connection_close(void **state)
{
    struct seal close = {.len = 0};

    (void)state;
    send_client_hello(to_server);
    seal_hex(&close, "0200000000"
                     "1c4178060348656c");
    initial(1, to_client, &close, 0);
    flush(1);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    assert_string_equal(quic(0, "history"), "ISic");
    send_client_hello(to_server); /* what follows of it is nothing new */
    send_handshake(0);
    send_short(1);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
}

/* Between the same ports: by its own connection id. */
static void test_another_connection(void **state)
{
    struct kind other = {V1, V1, "1122334455667788", "d1d2d3d4", "1122334455667788"};

    (void)state;
    send_client_hello(to_server);
    send_server_hello(to_client);
    send_client_hello(other);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    assert_true(h.children[0].closed);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 2);
    assert_string_equal(quic(0, "history"), "ISis");
    assert_string_equal(quic(1, "history"), "IS");
    assert_string_equal(quic(1, "client_scid"), "d1d2d3d4");
}

/* No key fits: all that is in clear is told. */
static void test_undecryptable(void **state)
{
    struct kind wrong = {V1, V1, DCID, CLIENT, "0000000000000000"};
    struct kind answer = {V1, V1, CLIENT, SERVER, "0000000000000000"};

    (void)state;
    send_client_hello(wrong);
    send_server_hello(answer);
    fake_host_close(&h);
    assert_int_equal(h.n_children, 0);
    assert_string_equal(quic(0, "history"), "Ii");
    assert_string_equal(quic(0, "client_initial_dcid"), DCID);
}

static void test_history_is_bounded(void **state)
{
    (void)state;
    send_client_hello(to_server);
    for (unsigned i = 0; i < 200; i++)
        send_handshake(1);
    fake_host_close(&h);
    assert_int_equal(strlen(quic(0, "history")), 100);
    assert_int_equal(h.weirds[WEIRD_QUIC_HISTORY_BOUND], 1);
}

static void test_bad_frame(void **state)
{
    struct seal frames = {.len = 0};

    (void)state;
    seal_hex(&frames, "0600024041"
                      "08");
    initial(0, to_server, &frames, 1200);
    flush(0);
    fake_host_close(&h);
    assert_int_equal(h.weirds[WEIRD_QUIC_BAD_FRAME], 1);
    assert_int_equal(h.children[0].len[0], 2);
}

/* CRYPTO far ahead of what is there. */
static void test_crypto_bound(void **state)
{
    struct seal frames = {.len = 0};

    (void)state;
    seal_crypto(&frames, 1 << 20, "x", 1);
    initial(0, to_server, &frames, 1200);
    flush(0);
    fake_host_close(&h);
    assert_int_equal(h.weirds[WEIRD_QUIC_CRYPTO_BOUND], 1);
}

static void test_no_room_for_the_tls_reader(void **state)
{
    (void)state;
    h.refuse_children = true;
    send_client_hello(to_server);
    h.refuse_children = false;
    send_server_hello(to_client); /* it would not know what this answers */
    fake_host_close(&h);
    assert_int_equal(h.n_children, 0);
    assert_string_equal(quic(0, "history"), "ISis");
}

/* Every beginning of a datagram, as a first one and after a handshake. */
static void test_every_cut(void **state)
{
    struct seal whole = {.len = 0}, frames = {.len = 0};

    (void)state;
    hello_make(CLIENT_HELLO, 300);
    seal_crypto(&frames, 0, hello, 300);
    initial(0, to_server, &frames, 400);
    seal_long(&d, 0xe0, V1, DCID, CLIENT, 50);
    whole = d;
    d.len = 0;
    for (size_t n = 1; n <= whole.len; n++) {
        uint8_t *exact = malloc(n); /* a sanitizer sees what is read behind it */

        memcpy(exact, whole.p, n);
        fake_host_data(&h, n & 1, exact, n);
        fake_host_close(&h);
        fake_host_fini(&h);
        setup(NULL);
        send_client_hello(to_server);
        fake_host_data(&h, n & 1, exact, n);
        free(exact);
    }
    fake_host_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_handshake),
        TEST(test_short_headers_are_spared),
        TEST(test_ids_are_told),
        TEST(test_shuffled_hello),
        TEST(test_repeated_packets),
        TEST(test_coalesced),
        TEST(test_coalesced_with_others),
        TEST(test_coalesced_beginnings),
        TEST(test_coalesced_versions),
        TEST(test_undecryptable_among_others),
        TEST(test_discarded),
        TEST(test_greased_bit),
        TEST(test_short_headers),
        TEST(test_zero_rtt_before_all),
        TEST(test_retry),
        TEST(test_missed_retry),
        TEST(test_connection_close),
        TEST(test_another_connection),
        TEST(test_undecryptable),
        TEST(test_history_is_bounded),
        TEST(test_bad_frame),
        TEST(test_crypto_bound),
        TEST(test_no_room_for_the_tls_reader),
        TEST(test_every_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
