/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring between who reads a capture file and the workers (common/ipc/frame_ring.h): its memory,
 * its eventfds, and who of them is gone. Manager process. */
#ifndef SPLIFF_MANAGER_CAPTURE_SHARED_FILE_H
#define SPLIFF_MANAGER_CAPTURE_SHARED_FILE_H

#include "common/ipc/frame_ring.h"

struct shared_file {
    uint32_t n_workers; /* 0: there is none, and all calls but open do nothing */
    int memory_fd;
    int reader_fd;
    int worker_fds[HERITAGE_WORKERS_MAX];
    struct frame_ring ring;
};

/* Whether several workers can read this file in turn, without a reader: any of them must be able to
 * go on from an offset, and nobody is to find out only then that it is no capture. "-" is standard
 * input, whatever it is. */
bool shared_file_in_turn(const char *path);

/* 0 or -errno; shared_file_close either way. */
int shared_file_open(struct shared_file *s, uint32_t n_workers);
void shared_file_close(struct shared_file *s);

/* Descriptors of its own for the reader (worker -1), or for a worker, but for the file; of c the
 * members for them must be -1. 0 or -errno; those that it has then are the caller's to close. */
int shared_file_give(const struct shared_file *s, int worker, struct heritage_capture *c);

/* A process has ended: the others need not wait for it. */
void shared_file_worker_gone(struct shared_file *s, uint32_t worker);
void shared_file_reader_gone(struct shared_file *s);

#endif
