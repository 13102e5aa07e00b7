/* SPDX-License-Identifier: BSD-3-Clause */
/* Plaintext on its way from the probe to the worker that owns the flow: what TLS sessions of local
 * processes read and wrote. A message is an array of items, MessagePack, in the order in which they
 * happened as far as the kernel tells it. Topic plain/<worker>/, on sockets of its own
 * (plaintext_socket.h). Decoders take hostile bytes, allocate nothing and bound everything.
 *
 *   open   [1, session, ts, {…facts…}]   before any other item of a session; again after a worker
 *                                       has come back
 *   data   [2, session, ts, write, offset, entry, bin]
 *   alpn   [3, session, ts, str]
 *   close  [4, session, ts, read, written]   final offsets
 *
 * Offsets count every byte of a session's direction. Who misses some sees the jump, whatever lost
 * them: the kernel's ring, a full queue, the receiver's own bound. */
#ifndef SPLIFF_IPC_PLAINTEXT_H
#define SPLIFF_IPC_PLAINTEXT_H

#include "common/base/cursor.h"
#include "common/base/ipaddr.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAINTEXT_MESSAGE_BYTES_MAX 131072u
#define PLAINTEXT_DATA_BYTES_MAX    16384u
#define PLAINTEXT_TEXT_MAX          255u /* bytes of a text of facts; longer ones are cut */

enum plaintext_type {
    PLAINTEXT_OPEN = 1,
    PLAINTEXT_DATA,
    PLAINTEXT_ALPN,
    PLAINTEXT_CLOSE,
};

/* A process, as far as it could be found out. Empty texts are unknown. */
struct process_facts {
    uint32_t pid;
    struct str name;      /* comm of the thread group's leader */
    struct str exe;       /* path of the executable, in its own namespace */
    struct str container; /* id of the container, from its cgroup */
    struct str cgroup;    /* path of the cgroup */
};

/* What is known of a session when it is told first. */
struct plaintext_session {
    struct ipaddr local, remote;
    uint16_t local_port, remote_port;
    uint32_t foreign;   /* of a loopback socket of another network namespace the inode of that: its
                           packets are others than those of the same five-tuple here; else 0 */
    struct str library; /* openssl gnutls nss wolfssl go */
    struct str path;    /* of the image with the library */
    struct str build_id;
    struct str method; /* how the five-tuple was found: socket descriptor learned next_send */
    struct str hook;   /* where it is probed: entry or site */
    struct process_facts process;
};

struct plaintext_item {
    enum plaintext_type type;
    uint64_t session; /* number that no other session of this probe's life has */
    uint64_t ts_ns;   /* wall clock: the call returned */
    union {
        struct plaintext_session open;
        struct {
            bool write;        /* the process wrote (true) or read */
            uint64_t offset;   /* of the first byte */
            uint64_t entry_ns; /* wall clock: the call was entered */
            struct str bytes;
        } data;
        struct str alpn;
        struct {
            uint64_t offset[2]; /* read, written */
        } close;
    };
};

/* Appends an item to out[capacity] at *len. False, and nothing done, if there is no room. The first
 * item of a message goes to *len 0; the array's head is fixed-size, and is kept up to date. */
bool plaintext_encode(uint8_t *out, size_t capacity, size_t *len,
                      const struct plaintext_item *item);

/* Reads the items of a message one after the other. 0; -EBADMSG: the rest cannot be read. */
struct plaintext_reader {
    struct cursor c;
    uint32_t left; /* items */
};
int plaintext_reader_init(struct plaintext_reader *r, const uint8_t *body, size_t len);
/* 1 and *item (borrows from the body), 0 at the end, -EBADMSG. */
int plaintext_read(struct plaintext_reader *r, struct plaintext_item *item);

/* Shared with owner.h: process facts as a MessagePack array. */
size_t process_facts_encode(uint8_t *out, size_t capacity, const struct process_facts *p);
int process_facts_decode(struct cursor *c, struct process_facts *out);

#endif
