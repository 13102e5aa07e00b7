/* SPDX-License-Identifier: BSD-3-Clause */
/* The broker in the manager: passes messages from every publisher to every subscriber, and
 * subscriptions back. Runs inside the manager's event loop, never blocks. */
#ifndef SPLIFF_IPC_BROKER_H
#define SPLIFF_IPC_BROKER_H

#include <stdint.h>

struct broker;

/* Binds ipc://<run_dir>/bus.in and bus.out, group-writable for gid. 0 or -errno. */
int broker_open(struct broker **out, const char *run_dir, int gid);
void broker_close(struct broker *b);

/* Two descriptors that become readable (edge-triggered) when broker_run has work. */
void broker_fds(const struct broker *b, int fds[2]);

/* Passes on what is there, at most max messages. Returns how many; call again while it is max. */
uint32_t broker_run(struct broker *b, uint32_t max);

#endif
