/* SPDX-License-Identifier: BSD-3-Clause */
/* Attached hooks, and the thread that detaches them. A part of kernel.c. */
#ifndef SPLIFF_PROBE_KERNEL_HOOKS_H
#define SPLIFF_PROBE_KERNEL_HOOKS_H

#include "worker/probe/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define KERNEL_HOOKS_IMAGES 8192 /* attached at a time */

struct bpf_program;
struct kernel_hooks;

/* Programs are borrowed until close. multi: they were loaded for uprobe_multi links. NULL with
 * errno. */
struct kernel_hooks *kernel_hooks_open(struct bpf_program *on_entry, struct bpf_program *on_return,
                                       bool multi);

/* Detaches all, but waits for no more than a few seconds: the end of the process does the rest.
 * False: the thread still runs, and the programs must stay. */
bool kernel_hooks_close(struct kernel_hooks *h);

/* As kernel_attach and kernel_detach. */
int kernel_hooks_attach(struct kernel_hooks *h, const char *path, uint16_t image,
                        const struct plan *p);
void kernel_hooks_detach(struct kernel_hooks *h, int handle);

#endif
