/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is read four times: as a datagram, sent from both sides and answered by itself; as a
 * TCP stream whose second half comes from the other side; as one TCP message, cut at a place that
 * the input names; and as messages that something else encloses. */
#include "tests/unit/parse/fake_host.h"
#include "worker/parse/dns/dns.h"

static struct fake_host host;

static void run_datagrams(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = {53, 137, 5353, 5355};

    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        (void)analyzer_dns.probe(data, size, ANALYZER_UDP);
        fake_host_open(&host, &analyzer_dns, ANALYZER_UDP);
        host.ctx.resp_p = ports[i];
        fake_host_data(&host, 0, data, size);
        fake_host_data(&host, 0, data, size / 2);
        host.ctx.ts_ns++;
        fake_host_data(&host, 1, data, size);
        fake_host_close(&host);
        fake_host_fini(&host);
    }
}

static void run_stream(const uint8_t *data, size_t size)
{
    size_t half = size / 2;

    (void)analyzer_dns.probe(data, size, ANALYZER_TCP);
    fake_host_open(&host, &analyzer_dns, ANALYZER_TCP);
    fake_host_data(&host, 0, data, half);
    fake_host_data(&host, 1, data + half, size - half);
    fake_host_gap(&host, 0, 1);
    fake_host_data(&host, 1, data, size);
    fake_host_end(&host, 1);
    fake_host_close(&host);
    fake_host_fini(&host);
}

static void run_message(const uint8_t *data, size_t size)
{
    const uint8_t length[2] = {(uint8_t)(size >> 8), (uint8_t)size};
    size_t cut = size > 0 ? data[0] % size : 0;

    if (size > UINT16_MAX)
        return;
    fake_host_open(&host, &analyzer_dns, ANALYZER_TCP);
    for (unsigned side = 0; side < 2; side++) {
        fake_host_data(&host, side, length, 2);
        fake_host_data(&host, side, data, cut);
        fake_host_data(&host, side, data + cut, size - cut);
    }
    fake_host_close(&host);
    fake_host_fini(&host);
}

static void run_enclosed(const uint8_t *data, size_t size)
{
    fake_host_open(&host, &analyzer_dns_message, ANALYZER_TCP);
    fake_host_data(&host, 1, data, size);
    fake_host_gap(&host, 0, 1);
    fake_host_data(&host, 0, data, size);
    fake_host_data(&host, 1, data, size / 2);
    fake_host_close(&host);
    fake_host_fini(&host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_datagrams(data, size);
    run_stream(data, size);
    run_message(data, size);
    run_enclosed(data, size);
    return 0;
}
