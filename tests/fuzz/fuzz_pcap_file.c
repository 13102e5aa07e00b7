/* SPDX-License-Identifier: BSD-3-Clause */
/* Capture files of any format, through the source as the worker uses it. */
#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/capture/pcapng.h"
#include "worker/capture/sources.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* It says nothing. */
void log_error(const char *fmt, ...)
{
    (void)fmt;
}

void log_warn(const char *fmt, ...)
{
    (void)fmt;
}

static void check_frame(const struct frame *f)
{
    volatile uint8_t sink = 0;

    CHECK(f->caplen <= PCAP_FRAME_MAX && f->caplen <= f->wirelen);
    CHECK(f->ts_ns <= INT64_MAX);
    for (uint32_t i = 0; i < f->caplen; i++)
        sink ^= f->data[i];
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct heritage h;
    struct frame frames[CAPTURE_BATCH_MAX];
    struct counters counters = {0};
    struct capture *c;
    int fd = memfd_create("capture", MFD_CLOEXEC), n = 0;

    CHECK(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    h.capture.fd = fd;
    h.options.snaplen = 262144;
    if (capture_pcap_file.open(&c, &h, &counters) == 0) {
        /* Compressed input may be long: enough is enough. */
        for (unsigned batches = 0; n >= 0 && batches < 2000; batches++) {
            n = capture_pcap_file.recv(c, frames, CAPTURE_BATCH_MAX);
            for (int i = 0; i < n; i++)
                check_frame(&frames[i]);
            capture_pcap_file.release(c);
        }
        capture_pcap_file.close(c);
    }
    close(fd);
    return 0;
}
