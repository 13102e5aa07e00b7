/* SPDX-License-Identifier: BSD-3-Clause */
/* The probe process: one loop around what the kernel tells of TLS calls and of processes, what
 * workers ask, and what they are sent. */
#ifndef SPLIFF_PROBE_PROBE_H
#define SPLIFF_PROBE_PROBE_H

#include "common/ipc/heritage.h"

struct probe;

/* Opens all of it. 0, or the exit status of the process (sysexits.h) after printing what failed:
 * EX_UNAVAILABLE if starting again would not help. */
int probe_open(struct probe **out, const struct heritage *h);

/* Runs until *stop is set or the manager is gone. */
void probe_loop(struct probe *p, const volatile int *stop);

/* Sends what is there and ends. Hooks go with the process. */
void probe_close(struct probe *p);

#endif
