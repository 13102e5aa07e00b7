/* SPDX-License-Identifier: BSD-3-Clause */
/* What bus, broker and plaintext_socket share: how a ZeroMQ socket of ours is made, and how a
 * message of one frame goes through it. Private to common/ipc. */
#ifndef SPLIFF_IPC_BUS_SOCKET_H
#define SPLIFF_IPC_BUS_SOCKET_H

#include "common/ipc/bus.h"

#include <stddef.h>
#include <sys/types.h>
#include <zmq.h>

/* A new socket of that ZeroMQ type with our bounds. 0 or -errno. */
int bus_socket_open(void **out, void *context, int type);

/* Endpoint ipc://<run_dir>/<file>, bound (group-writable, given to uid and gid if we are root) or
 * connected. 0 or -errno after printing what failed. */
int bus_socket_bind(void *socket, const char *run_dir, const char *file, uid_t uid, gid_t gid);
int bus_socket_connect(void *socket, const char *run_dir, const char *file);

int bus_socket_set(void *socket, int option, int value); /* 0 or -errno */
int bus_socket_fd(void *socket);

/* Topic, a zero byte, and a body in two parts; copies. 0 or -EAGAIN: it was not sent. */
int bus_socket_send(void *socket, const char *topic, const void *head, size_t head_len,
                    const void *rest, size_t rest_len);

/* The next message into *frame, from which *m borrows. What is of another shape (of several frames,
 * or without a topic's end: a foreign publisher's) is passed over. False if there is none now. */
bool bus_socket_receive(void *socket, zmq_msg_t *frame, struct bus_message *m);

#endif
