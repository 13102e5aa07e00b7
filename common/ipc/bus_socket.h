/* SPDX-License-Identifier: BSD-3-Clause */
/* What bus and broker share: how a ZeroMQ socket of ours is made. Private to common/ipc. */
#ifndef SPLIFF_IPC_BUS_SOCKET_H
#define SPLIFF_IPC_BUS_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/* A new socket of that ZeroMQ type with our bounds. 0 or -errno. */
int bus_socket_open(void **out, void *context, int type);

/* Endpoint ipc://<run_dir>/<file>, bound (group-writable, given to uid and gid if we are root) or
 * connected. 0 or -errno after printing what failed. */
int bus_socket_bind(void *socket, const char *run_dir, const char *file, uid_t uid, gid_t gid);
int bus_socket_connect(void *socket, const char *run_dir, const char *file);

int bus_socket_set(void *socket, int option, int value); /* 0 or -errno */
int bus_socket_fd(void *socket);

#endif
