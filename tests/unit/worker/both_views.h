/* SPDX-License-Identifier: BSD-3-Clause */
/* Both views of a connection at once, for tests: packets of a made-up TLS ("t" begins it, "!" ends
 * its handshake), and what the processes at its ends read and wrote inside, for the real analyzers.
 */
#ifndef SPLIFF_TESTS_BOTH_VIEWS_H
#define SPLIFF_TESTS_BOTH_VIEWS_H

#include "tests/unit/packet_builder.h"
#include "tests/unit/worker/rig.h"
#include "worker/parse/grpc/grpc.h"
#include "worker/parse/http1/http1.h"
#include "worker/parse/http2/http2.h"
#include "worker/parse/websocket/websocket.h"
#include "worker/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>

#define T0          (1000 * NS_PER_SEC)
#define ITEMS_MAX   64
#define CLIENT_PORT 40000
#define SERVER_PORT 443
#define REQUEST     "GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"
#define RESPONSE    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define PREFACE     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static struct rig rig;
static const uint32_t addr[2] = {0xc0000201, 0xc0000202}; /* client, server */
static uint32_t seq[2];
static struct plaintext_item items[ITEMS_MAX];
static uint32_t n_items;
static uint64_t offset[8][2]; /* by session: read, written */

/* --- a made-up TLS --- */

static inline enum probe_result tls_probe_(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)transport;
    return len > 0 && data[0] == 't' ? PROBE_CLIENT : PROBE_NO;
}

static inline void tls_open_(struct analyzer_ctx *ctx, void *state)
{
    (void)state;
    analyzer_service(ctx, "ssl");
    analyzer_category(ctx, CATEGORY_other_tls);
}

static inline void tls_data_(struct analyzer_ctx *ctx, void *state, unsigned side,
                             const uint8_t *data, size_t len)
{
    (void)state;
    (void)side;
    if (memchr(data, '!', len))
        analyzer_done(ctx);
}

static inline void nothing_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    (void)ctx;
    (void)state;
    (void)side;
    (void)len;
}

static inline void nothing_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)ctx;
    (void)state;
    (void)side;
}

static inline void nothing_close(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    (void)state;
}

static const struct analyzer tls = {
    .name = "tls",
    .transports = ANALYZER_TCP,
    .state_bytes = 8,
    .state_max = 16,
    .probe = tls_probe_,
    .open = tls_open_,
    .data = tls_data_,
    .gap = nothing_gap,
    .end = nothing_end,
    .close = nothing_close,
};
const struct analyzer *const analyzers[] = {
    &tls, &analyzer_http2, &analyzer_http1, &analyzer_websocket, &analyzer_grpc, NULL};

/* --- packets and items --- */

static inline int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    rig.heritage.plaintext = true;
    rig_open(&rig);
    seq[0] = 1000;
    seq[1] = 9000;
    n_items = 0;
    memset(offset, 0, sizeof offset);
    return 0;
}

/* ms after T0. */
static inline uint64_t at(unsigned ms)
{
    return T0 + ms * NS_PER_MS;
}

static inline void packet(unsigned side, unsigned ms, unsigned flags, const char *payload)
{
    static struct packet_builder pb;
    unsigned port[2] = {CLIENT_PORT, SERVER_PORT};

    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, IPPROTO_TCP, addr[side], addr[!side], 0, 0);
    pb_tcp(&pb, port[side], port[!side], seq[side], seq[!side], flags);
    pb_text(&pb, payload);
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, at(ms));
    seq[side] += (uint32_t)strlen(payload) + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
}

/* A connection and its handshake, done after 3 ms. */
static inline void packets_begin(void)
{
    packet(0, 0, TCP_SYN, "");
    packet(1, 0, TCP_SYN | TCP_ACK, "");
    packet(0, 0, TCP_ACK, "");
    packet(0, 1, TCP_ACK, "t");
    packet(1, 2, TCP_ACK, "t");
    packet(0, 3, TCP_ACK, "!");
}

static inline void packets_end(unsigned ms)
{
    packet(0, ms, TCP_ACK | TCP_FIN, "");
    packet(1, ms, TCP_ACK | TCP_FIN, "");
    packet(0, ms, TCP_ACK, "");
}

static inline struct plaintext_item *item(enum plaintext_type type, uint64_t session, unsigned ms)
{
    struct plaintext_item *i = &items[n_items++];

    assert_true(n_items <= ITEMS_MAX);
    *i = (struct plaintext_item){.type = type, .session = session, .ts_ns = at(ms)};
    return i;
}

static inline void address(struct ipaddr *a, uint32_t v4)
{
    uint8_t b[4] = {(uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8), (uint8_t)v4};

    ipaddr_set_v4(a, b);
}

/* A session of the process at the client's (0) or server's (1) side. */
static inline struct plaintext_session *open_session(uint64_t session, unsigned side, unsigned ms)
{
    struct plaintext_session *s = &item(PLAINTEXT_OPEN, session, ms)->open;
    unsigned port[2] = {CLIENT_PORT, SERVER_PORT};

    address(&s->local, addr[side]);
    address(&s->remote, addr[!side]);
    s->local_port = (uint16_t)port[side];
    s->remote_port = (uint16_t)port[!side];
    s->library = STR_LIT("openssl");
    s->process.pid = 100 + side;
    s->process.name = side == 0 ? STR_LIT("curl") : STR_LIT("nginx");
    return s;
}

static inline void data(uint64_t session, bool write, unsigned ms, struct str bytes)
{
    struct plaintext_item *i = item(PLAINTEXT_DATA, session, ms);

    i->data.write = write;
    i->data.offset = offset[session][write];
    i->data.entry_ns = i->ts_ns;
    i->data.bytes = bytes;
    offset[session][write] += bytes.len;
}

static inline void reads(uint64_t session, unsigned ms, const char *text)
{
    data(session, false, ms, str_of(text));
}

static inline void writes(uint64_t session, unsigned ms, const char *text)
{
    data(session, true, ms, str_of(text));
}

static inline void close_session(uint64_t session, unsigned ms)
{
    struct plaintext_item *i = item(PLAINTEXT_CLOSE, session, ms);

    i->close.offset[0] = offset[session][0];
    i->close.offset[1] = offset[session][1];
}

static inline void run_items(void)
{
    rig_run_items(&rig, items, n_items);
    n_items = 0;
}

/* A client's process asks once. */
static inline void client_asks(uint64_t session)
{
    open_session(session, 0, 1);
    writes(session, 4, REQUEST);
    reads(session, 9, RESPONSE);
}

#define HTTP_CLIENT "http uri=/a status_code=200 view=plaintext pid=100 process_side=client"

static inline void finish_and_expect(const char *text)
{
    pipeline_finish(&rig.w);
    assert_string_equal(rig_text(&rig), text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)

#endif
