/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is a talk: its pieces, each led by a byte that says whose and how long it is. */
#include "tests/unit/parse/fake_host.h"
#include "worker/parse/starttls/starttls.h"

static struct fake_host host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)analyzer_starttls.probe(data, size, ANALYZER_TCP);
    fake_host_open(&host, &analyzer_starttls, ANALYZER_TCP);
    while (size > 0) {
        unsigned side = data[0] & 1, gap = data[0] == 0xff;
        size_t n = data[0] >> 1;

        data++;
        size--;
        if (n > size)
            n = size;
        if (gap)
            fake_host_gap(&host, side, 1);
        else
            fake_host_data(&host, side, data, n);
        host.ctx.ts_ns++;
        data += n;
        size -= n;
    }
    fake_host_end(&host, 0);
    fake_host_close(&host);
    fake_host_fini(&host);
    return 0;
}
