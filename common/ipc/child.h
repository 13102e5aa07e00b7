/* SPDX-License-Identifier: BSD-3-Clause */
/* What the programs have alike that the manager starts and that run a loop of their own until they
 * are told to stop. */
#ifndef SPLIFF_IPC_CHILD_H
#define SPLIFF_IPC_CHILD_H

#include "common/ipc/heritage.h"

/* Whether SIGINT ends the program as SIGTERM does, or is left to the manager: Ctrl-C reaches every
 * process of a terminal at once, and who has still something to deliver waits to be asked. */
enum child_sigint { CHILD_SIGINT_STOPS, CHILD_SIGINT_IGNORED };

struct child {
    enum child_sigint sigint;
    /* What needs rights, or NULL. 0, or -errno after printing what failed. */
    int (*prepare)(const struct heritage *h);
    /* The work, without rights, until child_stop. Returns the program's exit status. */
    int (*run)(const struct heritage *h);
};

/* Set by a signal: the loop is to end. */
extern volatile int child_stop;

/* The whole program: what the manager left for this process, its name in front of what it logs, its
 * signals; then prepare, giving up rights, run. Returns the exit status, EX_USAGE, EX_OSERR (or 0,
 * if it was told to stop meanwhile) and EX_NOPERM for what fails before run. */
int child_main(const struct child *c);

#endif
