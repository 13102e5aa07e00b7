/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture file in the making, byte by byte, and the source of capture files that reads it. */
#ifndef SPLIFF_TESTS_CAPTURE_FILE_H
#define SPLIFF_TESTS_CAPTURE_FILE_H

#include "worker/capture/sources.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file {
    uint8_t *b;
    size_t n, capacity;
    bool big; /* endian */
};

extern struct file file;
extern struct heritage heritage; /* of the source */
extern struct counters counters;
extern struct capture *capture;
extern struct frame frames[CAPTURE_BATCH_MAX]; /* of the last file_receive */

/* Around each test: an empty file; closes what was opened. */
int file_set_up(void **state);
int file_tear_down(void **state);

void file_put(const void *p, size_t n);
void file_put16(unsigned v);
void file_put32(uint32_t v);
void file_put_bytes(unsigned value, size_t n);

/* Classic pcap. `fill` is every byte of the frame. */
void file_classic_header(uint32_t magic, uint32_t linktype);
void file_classic_frame(uint32_t seconds, uint32_t fraction, uint32_t caplen, uint32_t wirelen,
                        unsigned fill);

/* Opens `capture` on what was put, or on other bytes: what the source's open returns. */
void file_open(void);
int file_open_bytes(const uint8_t *b, size_t n);

/* The next batch that is not empty, or the end. */
int file_receive(void);

void file_assert_frame(const struct frame *f, uint64_t ts_ns, uint32_t caplen, unsigned fill);

#endif
