/* SPDX-License-Identifier: BSD-3-Clause */
/* What the programs have alike that the manager starts and that run a loop of their own until they
 * are told to stop. */
#ifndef SPLIFF_IPC_CHILD_H
#define SPLIFF_IPC_CHILD_H

#include "common/ipc/heritage.h"

/* Whether SIGINT ends the program as SIGTERM does, or is left to the manager: Ctrl-C reaches every
 * process of a terminal at once, and who has still something to deliver waits to be asked. */
enum child_sigint { CHILD_SIGINT_STOPS, CHILD_SIGINT_IGNORED };

/* Set by a signal: the loop is to end. */
extern volatile int child_stop;

/* First of all: what the manager left for this process; its name in front of what it logs; its
 * signals. NULL after printing what is wrong: EX_USAGE. */
const struct heritage *child_begin(enum child_sigint sigint);

/* When all that needs rights is done: gives them up. 0, or EX_NOPERM after printing. */
int child_drop(const struct heritage *h);

#endif
