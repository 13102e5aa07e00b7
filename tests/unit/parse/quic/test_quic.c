/* SPDX-License-Identifier: BSD-3-Clause */
/* The analyzer over datagrams of made connections: history, ids, what goes to the TLS reader, and
 * when records are written. */
#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/quic/seal.h"
#include "worker/parse/quic/quic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define V1       1u
#define V2       0x6b3343cfu
#define DRAFT_29 0xff00001du
#define GREASE   0x1a2a3a4au

#define DCID   "8394c8f03e515708"
#define CLIENT "c1c2c3c4c5"
#define SERVER "5152535455565758"

#define CLIENT_HELLO 1u
#define SERVER_HELLO 2u

static struct fake_host h;
static struct seal d; /* the datagram that is being made */
static uint8_t hello[4096];
static uint64_t number[2];

/* A handshake message of n bytes in all. */
static void hello_make(uint8_t type, size_t n)
{
    hello[0] = type;
    hello[1] = 0;
    hello[2] = (uint8_t)((n - 4) >> 8);
    hello[3] = (uint8_t)(n - 4);
    for (size_t i = 4; i < n; i++)
        hello[i] = (uint8_t)(i * 3 + type);
}

static void flush(unsigned side)
{
    fake_host_data(&h, side, d.p, d.len);
    d.len = 0;
}

struct kind {
    uint32_t version, keys;
    const char *dcid, *scid, *key_cid;
};

static const struct kind to_server = {V1, V1, DCID, CLIENT, DCID};
static const struct kind to_client = {V1, V1, CLIENT, SERVER, DCID};

/* Adds an Initial to the datagram. */
static void initial(unsigned side, struct kind k, const struct seal *frames, size_t padded_to)
{
    struct seal_initial i = {.version = k.version,
                             .keys = k.keys,
                             .side = side,
                             .dcid = k.dcid,
                             .scid = k.scid,
                             .key_cid = k.key_cid,
                             .number = number[side]++,
                             .frames = frames->p,
                             .frames_len = frames->len,
                             .padded_to = padded_to};

    seal_initial(&d, &i);
}

/* A datagram with one Initial that carries a piece of the present message. */
static void send_piece(unsigned side, struct kind k, size_t from, size_t to)
{
    struct seal frames = {.len = 0};

    seal_crypto(&frames, (uint32_t)from, hello + from, to - from);
    initial(side, k, &frames, 1200);
    flush(side);
}

static void send_client_hello(struct kind k)
{
    hello_make(CLIENT_HELLO, 300);
    send_piece(0, k, 0, 300);
}

static void send_server_hello(struct kind k)
{
    hello_make(SERVER_HELLO, 90);
    send_piece(1, k, 0, 90);
}

static void send_hex(unsigned side, const char *hex, size_t padded_to)
{
    seal_hex(&d, hex);
    if (d.len < padded_to)
        seal_fill(&d, 0xaa, padded_to - d.len);
    flush(side);
}

static void send_short(unsigned side)
{
    send_hex(side, "41", 40);
}

static void send_handshake(unsigned side)
{
    seal_long(&d, 0xe0, V1, side ? CLIENT : SERVER, side ? SERVER : CLIENT, 50);
    flush(side);
}

static const char *quic(unsigned nth, const char *field)
{
    return fake_host_field(&h, RECORD_quic, nth, field);
}

static int setup(void **state)
{
    (void)state;
    number[0] = number[1] = 0;
    d.len = 0;
    fake_host_open(&h, &analyzer_quic, ANALYZER_UDP);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_host_fini(&h);
    return 0;
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

static void test_version_negotiation(void **state)
{
    struct kind greased = {GREASE, V1, DCID, CLIENT, DCID};

    (void)state;
    send_client_hello(greased);
    send_hex(1,
             "80000000000"
             "5c1c2c3c4c5088394c8f03e515708"
             "000000011a2a3a4a",
             0);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 0);
    send_client_hello(to_server);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "version"), "unknown-1a2a3a4a");
    assert_string_equal(quic(0, "history"), "USu"); /* it could be decrypted like version 1 */
    assert_string_equal(quic(1, "version"), "1");
    assert_string_equal(quic(1, "history"), "IS");
}

static void test_unfamiliar_version(void **state)
{
    (void)state;
    seal_long(&d, 0xc0, 0x12345678, DCID, CLIENT, 1200);
    flush(0);
    fake_host_close(&h);
    assert_string_equal(quic(0, "version"), "unknown-12345678");
    assert_string_equal(quic(0, "history"), "U");
    assert_string_equal(quic(0, "client_initial_dcid"), DCID);
}

/* The server answers in another version; the keys are still the first id's (RFC 9368). */
static void test_compatible_version(void **state)
{
    struct kind answer = {V2, V2, CLIENT, SERVER, DCID};
    struct kind then = {V2, V2, SERVER, CLIENT, DCID};
    struct seal ack = {.len = 0};

    (void)state;
    send_client_hello(to_server);
    send_server_hello(answer);
    seal_hex(&ack, "0200000000");
    initial(0, then, &ack, 1200);
    flush(0);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    assert_string_equal(quic(0, "version"), "1");
    assert_string_equal(quic(0, "history"), "ISisI");
    assert_int_equal(h.children[0].len[1], 90);
}

static void test_versions(void **state)
{
    static const uint32_t versions[] = {V2,         0xff000016, 0xff00001b, DRAFT_29,
                                        0xff000022, 0xfaceb001, 0xfaceb002, 0x709a50c4};

    (void)state;
    for (unsigned i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct kind k = {versions[i], versions[i], DCID, CLIENT, DCID};

        send_client_hello(k);
        fake_host_close(&h);
        assert_string_equal(quic(0, "history"), "IS");
        fake_host_fini(&h);
        setup(NULL);
    }
    fake_host_close(&h);
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

static void test_learned(void **state)
{
    (void)state;
    fake_host_tell(&h, FACT_LEARNED_ALPN, "h3-29");
    assert_string_equal(h.category, "web_quic");
    send_short(0);
    send_short(1);
    send_short(1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "learned"), "h3-29");
    assert_string_equal(quic(0, "version"), "-");
    assert_string_equal(quic(0, "client_scid"), "-");
    assert_string_equal(quic(0, "history"), "Ooo");
}

static void test_path(void **state)
{
    (void)state;
    fake_host_tell(&h, FACT_PATH_OF, "CHhAvVGS1DHFjwGM9");
    send_short(1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "path_of"), "CHhAvVGS1DHFjwGM9");
    assert_string_equal(quic(0, "history"), "o");
}

/* Then a handshake between the same ports: another connection. */
static void test_handshake_on_a_learned_flow(void **state)
{
    (void)state;
    fake_host_tell(&h, FACT_LEARNED_ALPN, "h3");
    send_short(1);
    send_client_hello(to_server);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "o");
    assert_string_equal(quic(1, "history"), "IS");
    assert_string_equal(quic(1, "learned"), "-");
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
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "IS");
}

/* A CHLO with a name and a second tag. */
#define CHLO                                                                                       \
    "43484c4f02000000"                                                                             \
    "534e490004000000"                                                                             \
    "5645520008000000"                                                                             \
    "612e6f7251303436"

static void check_google(const char *version)
{
    fake_host_close(&h);
    assert_string_equal(quic(0, "version"), version);
    assert_string_equal(quic(0, "server_name"), "a.or");
    assert_string_equal(quic(0, "client_initial_dcid"), "aabbccddeeff0011");
    assert_string_equal(quic(0, "history"), "ISo");
    assert_string_equal(h.category, "web_quic");
    assert_int_equal(h.n_children, 0);
}

static void test_google_q046(void **state)
{
    (void)state;
    send_hex(0,
             "c35130343650aabbccddeeff001100000001"
             "eeeeeeeeeeeeeeeeeeeeeeee"
             "a0010020" CHLO,
             0);
    send_hex(1, "4001", 40);
    check_google("Q046");
}

static void test_google_q043(void **state)
{
    (void)state;
    send_hex(0,
             "09aabbccddeeff00115130343301"
             "eeeeeeeeeeeeeeeeeeeeeeee"
             "a0010020" CHLO,
             0);
    send_hex(1, "0001", 40);
    check_google("Q043");
}

/* Little endian, and a byte of flags behind the hash. */
static void test_google_q030(void **state)
{
    (void)state;
    send_hex(0,
             "0daabbccddeeff00115130333001"
             "eeeeeeeeeeeeeeeeeeeeeeee"
             "00"
             "a0012000" CHLO,
             0);
    send_hex(1, "0c01", 40);
    check_google("Q030");
}

static void test_google_q050(void **state)
{
    struct kind k = {0x51303530, 0x51303530, "aabbccddeeff0011", "", "aabbccddeeff0011"};
    struct seal frames = {.len = 0};

    (void)state;
    seal_hex(&frames, "080020" CHLO);
    initial(0, k, &frames, 1200);
    flush(0);
    send_hex(1, "4001", 40);
    check_google("Q050");
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_handshake),
        TEST(test_ids_are_told),
        TEST(test_shuffled_hello),
        TEST(test_repeated_packets),
        TEST(test_coalesced),
        TEST(test_discarded),
        TEST(test_greased_bit),
        TEST(test_short_headers),
        TEST(test_zero_rtt_before_all),
        TEST(test_retry),
        TEST(test_missed_retry),
        TEST(test_connection_close),
        TEST(test_another_connection),
        TEST(test_version_negotiation),
        TEST(test_unfamiliar_version),
        TEST(test_compatible_version),
        TEST(test_versions),
        TEST(test_undecryptable),
        TEST(test_learned),
        TEST(test_path),
        TEST(test_handshake_on_a_learned_flow),
        TEST(test_history_is_bounded),
        TEST(test_bad_frame),
        TEST(test_crypto_bound),
        TEST(test_no_room_for_the_tls_reader),
        TEST(test_google_q046),
        TEST(test_google_q043),
        TEST(test_google_q030),
        TEST(test_google_q050),
        TEST(test_every_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
