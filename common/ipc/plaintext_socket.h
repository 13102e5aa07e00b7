/* SPDX-License-Identifier: BSD-3-Clause */
/* The ZeroMQ sockets between probe and workers: the probe binds ipc://<run_dir>/plain, each worker
 * connects and subscribes to its own topic. They are not the bus: a flood of plaintext must not
 * hold up acknowledgements. Nothing here blocks. */
#ifndef SPLIFF_IPC_PLAINTEXT_SOCKET_H
#define SPLIFF_IPC_PLAINTEXT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct plaintext_socket;

#define PLAINTEXT_QUEUE_MESSAGES 1024 /* a worker */

/* The probe's. uid, gid: who may connect besides root (bus_socket_bind). 0 or -errno after printing
 * what failed. */
int plaintext_socket_bind(struct plaintext_socket **out, const char *run_dir, uid_t uid, gid_t gid);

/* A worker's: subscribes to plain/<node>/. The probe need not be there yet. */
int plaintext_socket_connect(struct plaintext_socket **out, const char *run_dir, const char *node);

void plaintext_socket_close(struct plaintext_socket *s);

/* 0, -EAGAIN when that worker's queue is full (nothing sent), -ENOENT when no such worker listens.
 */
int plaintext_socket_send(struct plaintext_socket *s, const char *node, const void *body,
                          size_t len);

/* Probe: a worker that has begun to listen since it was asked last, and so knows no session. NULL
 * if there is none. Borrowed until the next call; to be called until it says NULL before waiting.
 */
const char *plaintext_socket_arrival(struct plaintext_socket *s);

/* Worker: the next message, borrowed until the next call. False if there is none now. */
bool plaintext_socket_receive(struct plaintext_socket *s, const uint8_t **body, size_t *len);

/* Readable when there may be something to receive, or an arrival; edge-triggered like bus_fds. */
int plaintext_socket_fd(const struct plaintext_socket *s);

#endif
