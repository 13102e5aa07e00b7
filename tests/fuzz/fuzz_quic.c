/* SPDX-License-Identifier: BSD-3-Clause */
/* Any datagrams from either side, raw or sealed: a fuzzer does not guess a tag of AES-GCM, so it
 * may have its bytes protected as the frames of an Initial. The analyzer must take them, give every
 * buffer back, and give what it takes for handshake bytes in order. The events by which workers ask
 * each other for connection ids are read as well.
 *
 * The input is a script: a byte of command, a length (two bytes) and that many bytes.
 * Command: bit 0 the side, bits 1-2 what: datagram, frames of an Initial, fact from the TLS reader,
 * event; for frames bit 3 the version, bit 4 other connection ids, bit 5 more in the datagram. */
#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/quic/seal.h"

#include "common/base/check.h"
#include "worker/learn/connections.h"
#include "worker/parse/quic/quic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct fake_host h;
static struct seal datagram;
static uint64_t number;

static void send_frames(uint8_t command, const uint8_t *data, size_t len)
{
    static const uint32_t versions[] = {1, 0x6b3343cf};
    bool other = command >> 4 & 1;
    struct seal_initial i = {.version = versions[command >> 3 & 1],
                             .keys = versions[command >> 3 & 1],
                             .side = command & 1,
                             .dcid = other ? "1122334455667788" : "8394c8f03e515708",
                             .scid = other ? "" : "c1c2",
                             .key_cid = other ? "1122334455667788" : "8394c8f03e515708",
                             .number = number++,
                             .frames = data,
                             .frames_len = len,
                             .padded_to = 64};

    if (len > SEAL_BYTES / 2 || datagram.len > SEAL_BYTES / 4)
        return;
    seal_initial(&datagram, &i);
    if (command >> 5 & 1)
        return;
    fake_host_data(&h, command & 1, datagram.p, datagram.len);
    datagram.len = 0;
}

static void send_raw(unsigned side, const uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    quic_probe(data, len, ANALYZER_UDP);
    fake_host_data(&h, side, data, len);
}

static void tell_parameters(const uint8_t *data, size_t len)
{
    h.ctx.ts_ns++;
    analyzer_quic.told(&h.ctx, h.state, FACT_TRANSPORT_PARAMETERS, str_make(data, len));
}

static void on_asked(void *arg, const uint8_t *bytes)
{
    *(uint8_t *)arg ^= bytes[CONNECTIONS_ASK_BYTES - 1];
}

static void on_told(void *arg, const struct connections_answer *a)
{
    CHECK(a->cid.len > 0 && a->cid.len <= CONNECTIONS_ASK_BYTES && a->uid.len > 0);
    *(uint8_t *)arg ^= (uint8_t)a->cid.p[a->cid.len - 1];
}

static void read_event(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;
    struct connections_event_takers t = {on_asked, on_told, &sum};

    connections_event_read(data, len, &t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);

    number = 0;
    datagram.len = 0;
    fake_host_open(&h, &analyzer_quic, ANALYZER_UDP);
    while (cursor_left(&c) > 0) {
        uint8_t command = cursor_u8(&c);
        size_t n = cursor_be16(&c);
        const uint8_t *bytes = cursor_bytes(&c, n = n < cursor_left(&c) ? n : cursor_left(&c));

        if (!bytes) /* not even a length */
            break;
        switch (command >> 1 & 3) {
        case 0:
            send_raw(command & 1, bytes, n);
            break;
        case 1:
            send_frames(command, bytes, n);
            break;
        case 2:
            tell_parameters(bytes, n);
            break;
        default:
            read_event(bytes, n);
        }
    }
    fake_host_close(&h);
    for (unsigned i = 0; i < fake_host_count(&h, RECORD_quic) && i < FAKE_HOST_RECORDS; i++)
        CHECK(strlen(fake_host_field(&h, RECORD_quic, i, "history")) <= 100);
    fake_host_fini(&h);
    return 0;
}
