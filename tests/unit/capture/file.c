/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/capture/file.h"

#include "common/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct file file;
struct heritage heritage;
struct counters counters;
struct capture *capture;
struct frame frames[CAPTURE_BATCH_MAX];

static const struct capture_ops *const ops = &capture_pcap_file;

void file_put(const void *p, size_t n)
{
    if (file.n + n > file.capacity) {
        file.capacity = (file.n + n) * 2;
        file.b = realloc(file.b, file.capacity);
    }
    memcpy(file.b + file.n, p, n);
    file.n += n;
}

void file_put16(unsigned v)
{
    uint8_t be[2] = {(uint8_t)(v >> 8), (uint8_t)v}, le[2] = {be[1], be[0]};
    file_put(file.big ? be : le, 2);
}

void file_put32(uint32_t v)
{
    file_put16(file.big ? v >> 16 : v & 0xffff);
    file_put16(file.big ? v & 0xffff : v >> 16);
}

void file_put_bytes(unsigned value, size_t n)
{
    uint8_t byte = (uint8_t)value;

    while (n-- > 0)
        file_put(&byte, 1);
}

void file_classic_header(uint32_t magic, uint32_t linktype)
{
    file_put32(magic);
    file_put16(2);
    file_put16(4);
    file_put32(0);
    file_put32(0);
    file_put32(262144);
    file_put32(linktype);
}

void file_classic_frame(uint32_t seconds, uint32_t fraction, uint32_t caplen, uint32_t wirelen,
                        unsigned fill)
{
    file_put32(seconds);
    file_put32(fraction);
    file_put32(caplen);
    file_put32(wirelen);
    file_put_bytes(fill, caplen);
}

int file_set_up(void **state)
{
    (void)state;
    file.n = 0;
    file.big = false;
    memset(&counters, 0, sizeof counters);
    memset(&heritage, 0, sizeof heritage);
    heritage.capture.kind = CAPTURE_PCAP_FILE;
    heritage.options.snaplen = 262144;
    snprintf(heritage.capture.name, sizeof heritage.capture.name, "test.pcap");
    heritage.capture.fd = -1;
    log_init("test", LOG_LEVEL_ERROR);
    return 0;
}

int file_tear_down(void **state)
{
    (void)state;
    if (capture)
        ops->close(capture);
    capture = NULL;
    close(heritage.capture.fd);
    return 0;
}

int file_open_bytes(const uint8_t *b, size_t n)
{
    int fd = memfd_create("capture", 0);

    assert_int_equal(write(fd, b, n), (ssize_t)n);
    lseek(fd, 0, SEEK_SET);
    heritage.capture.fd = fd;
    return ops->open(&capture, &heritage, &counters);
}

void file_open(void)
{
    assert_int_equal(file_open_bytes(file.b, file.n), 0);
}

int file_receive(void)
{
    int n;

    do {
        ops->release(capture);
        memset(frames, 0xff, sizeof frames); /* all members are the source's to fill in */
        n = ops->recv(capture, frames, CAPTURE_BATCH_MAX);
    } while (n == 0);
    return n;
}

void file_assert_frame(const struct frame *f, uint64_t ts_ns, uint32_t caplen, unsigned fill)
{
    assert_int_equal(f->ts_ns, ts_ns);
    assert_int_equal(f->caplen, caplen);
    assert_false(f->hashed);
    assert_null(f->processes);
    for (uint32_t i = 0; i < caplen; i++)
        assert_int_equal(f->data[i], fill);
}
